package dev.nudge.hub;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/// A partially downloaded file, and the digest of its bytes so far.
///
/// It is beside the blob under the same name with `.incomplete`, so a later run can resume it. Its
/// length is the number of downloaded bytes; they are trusted once the final digest is right.
final class Part implements AutoCloseable {
  private static final int PIECE = 1 << 16;

  private final HubFile file;
  private final FileChannel channel;
  private MessageDigest digest;
  private long length;

  private Part(HubFile file, FileChannel channel) {
    this.file = file;
    this.channel = channel;
    this.digest = digest(file.sha256() != null, file.size());
  }

  /// Opens a partial file, or creates it.
  static Part open(Path place, HubFile file) throws IOException {
    Part part =
        new Part(
            file,
            FileChannel.open(
                place,
                StandardOpenOption.CREATE,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE,
                LinkOption.NOFOLLOW_LINKS));
    try {
      if (part.channel.size() > file.size()) {
        part.reset();
      } else {
        part.length = update(part.digest, Channels.newInputStream(part.channel.position(0)));
      }
      return part;
    } catch (IOException e) {
      part.close();
      throw e;
    }
  }

  /// Returns the digest of a file's bytes: SHA-256, or git's SHA-1.
  ///
  /// @param large whether to use SHA-256
  static String digest(boolean large, long size, InputStream in) throws IOException {
    MessageDigest digest = digest(large, size);
    update(digest, in);
    return HexFormat.of().formatHex(digest.digest());
  }

  private static MessageDigest digest(boolean large, long size) {
    try {
      MessageDigest digest = MessageDigest.getInstance(large ? "SHA-256" : "SHA-1");
      if (!large) {
        digest.update(("blob " + size + "\0").getBytes(StandardCharsets.US_ASCII));
      }
      return digest;
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-1 and SHA-256", e);
    }
  }

  private static long update(MessageDigest digest, InputStream in) throws IOException {
    byte[] piece = new byte[PIECE];
    long all = 0;
    for (int n = in.read(piece); n >= 0; n = in.read(piece)) {
      digest.update(piece, 0, n);
      all += n;
    }
    return all;
  }

  /// Returns the number of downloaded bytes.
  long length() {
    return length;
  }

  boolean isWhole() {
    return length == file.size();
  }

  /// Adds bytes at the end.
  ///
  /// @return false, and nothing is written, if the file would become too long
  boolean append(byte[] bytes, int count) throws IOException {
    if (length + count > file.size()) {
      return false;
    }
    ByteBuffer left = ByteBuffer.wrap(bytes, 0, count);
    long at = length;
    while (left.hasRemaining()) {
      at += channel.write(left, at);
    }
    digest.update(bytes, 0, count);
    length = at;
    return true;
  }

  /// Discards all bytes.
  void reset() throws IOException {
    channel.truncate(0);
    digest = digest(file.sha256() != null, file.size());
    length = 0;
  }

  /// Whether the file has the size and digest of the hub's listing; if not, all bytes are
  /// discarded. The size differs if another process wrote to the file.
  boolean isRight() throws IOException {
    boolean whole = channel.size() == file.size();
    if (whole && HexFormat.of().formatHex(digest.digest()).equals(file.digest())) {
      return true;
    }
    reset();
    return false;
  }

  /// Syncs the bytes to the disk.
  void force() throws IOException {
    channel.force(true);
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
