package dev.nudge.format;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/// Computes the SHA-256 of memory and of files.
///
/// Threading: one thread per digest.
public final class Sha256 {
  /// Prefix of a digest in a file, as in OCI.
  public static final String PREFIX = "sha256:";

  private static final int SHORT = 12; // hexadecimal digits that [#shown] keeps

  private final MessageDigest digest;

  /// Begins a digest.
  public Sha256() {
    try {
      this.digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  /// Adds memory to the digest, at most 2 GB.
  public void update(MemorySegment bytes) {
    digest.update(bytes.asByteBuffer());
  }

  /// Ends the digest and returns it in hexadecimal digits.
  public String hex() {
    return HexFormat.of().formatHex(digest.digest());
  }

  /// Shortens a digest to its first digits, for people.
  public static String shown(String digest) {
    return digest.substring(0, Math.min(digest.length(), PREFIX.length() + SHORT));
  }

  /// Returns the digest of bytes, with its prefix.
  public static String of(byte[] bytes) {
    Sha256 sha = new Sha256();
    sha.update(MemorySegment.ofArray(bytes));
    return PREFIX + sha.hex();
  }

  /// Returns the digest of a small file, with its prefix; null if it cannot be read.
  public static @Nullable String of(Path file) {
    try {
      return FolderText.isDerived(file)
          ? of(FolderText.bytes(file))
          : Files.isRegularFile(file) ? ofFile(file) : null;
    } catch (IOException e) {
      return null; // the file's reader reports the error
    }
  }

  /// Returns the digest of a file of any size, with its prefix.
  public static String ofFile(Path file) throws IOException {
    return Disk.uninterrupted(
        () -> {
          try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            Sha256 sha = new Sha256();
            ByteBuffer buffer = ByteBuffer.allocateDirect(1 << 20);
            while (channel.read(buffer) >= 0) {
              sha.digest.update(buffer.flip());
              buffer.clear();
            }
            return PREFIX + sha.hex();
          }
        });
  }
}
