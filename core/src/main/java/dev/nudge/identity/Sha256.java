package dev.nudge.identity;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/// Computes the SHA-256 of memory and of small files.
final class Sha256 {
  /// Stands before a digest in a file, as in OCI.
  static final String PREFIX = "sha256:";

  private final MessageDigest digest;

  Sha256() {
    try {
      this.digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  /// Adds memory to the digest, at most 2 GB.
  void update(MemorySegment bytes) {
    digest.update(bytes.asByteBuffer());
  }

  /// Ends the digest and returns it in hexadecimal digits.
  String hex() {
    return HexFormat.of().formatHex(digest.digest());
  }

  /// The digest of a text or a file's bytes, with its prefix.
  static String of(byte[] bytes) {
    Sha256 sha = new Sha256();
    sha.update(MemorySegment.ofArray(bytes));
    return PREFIX + sha.hex();
  }

  /// The digest of a small file; null where there is none.
  static @Nullable String of(Path file) {
    try {
      return Files.isRegularFile(file) ? of(Files.readAllBytes(file)) : null;
    } catch (IOException e) {
      return null; // whoever needs the file says what is wrong with it
    }
  }
}
