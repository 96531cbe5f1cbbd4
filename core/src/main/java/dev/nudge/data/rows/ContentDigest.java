package dev.nudge.data.rows;

import dev.nudge.data.source.Pick;
import dev.nudge.data.source.SourceFiles;
import dev.nudge.data.source.Sources;
import dev.nudge.data.source.Unreadable;
import dev.nudge.settings.verb.DataSettings;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.zip.GZIPInputStream;

/// A digest that identifies data: SHA-256 over the bytes of the files in order, with a line break
/// between two if the first does not end in one.
///
/// It depends only on the rows and their order, not on names, times or number of the files. For one
/// file it is what `sha256sum` prints. A gzip file counts with its uncompressed contents, a query
/// with the rows of its result.
public final class ContentDigest {
  private static final String PREFIX = "sha256:"; // as in OCI
  private static final int AT_ONCE = 512; // rows

  private ContentDigest() {}

  /// Returns the digest of files, given by names and globs.
  ///
  /// @throws dev.nudge.settings.InputException if a file is missing or cannot be read
  public static String of(List<String> filesOrGlobs) {
    return ofFiles(files(filesOrGlobs, Pick.TRAIN));
  }

  /// Returns the digest of the rows that the settings select.
  ///
  /// @throws dev.nudge.settings.InputException if a file is missing or cannot be read
  public static String of(DataSettings data, Pick pick) {
    return data.shape().sql() == null ? ofFiles(files(data.data(), pick)) : ofRows(data, pick);
  }

  private static List<Path> files(List<String> filesOrGlobs, Pick pick) {
    return SourceFiles.of(filesOrGlobs, pick).stream().map(SourceFiles.Found::file).toList();
  }

  private static String ofRows(DataSettings data, Pick pick) {
    MessageDigest sha = sha256();
    try (RowReader reader = RowReader.open(data, pick)) {
      List<SourceLine> lines = reader.next(AT_ONCE);
      for (; !lines.isEmpty(); lines = reader.next(AT_ONCE)) {
        for (SourceLine line : lines) {
          sha.update((line.text() + "\n").getBytes(StandardCharsets.UTF_8));
        }
      }
    }
    return PREFIX + HexFormat.of().formatHex(sha.digest());
  }

  private static InputStream opened(Path file) throws IOException {
    InputStream in = new BufferedInputStream(Files.newInputStream(file), 1 << 16);
    in.mark(2);
    byte[] head = in.readNBytes(2);
    in.reset();
    return Sources.isGzip(head) ? new GZIPInputStream(in, 1 << 16) : in;
  }

  /// Returns the digest of one file.
  ///
  /// @throws dev.nudge.settings.InputException if it cannot be read
  public static String of(Path file) {
    return ofFiles(List.of(file));
  }

  private static String ofFiles(List<Path> files) {
    MessageDigest sha = sha256();
    byte[] buffer = new byte[1 << 16];
    byte last = '\n';
    for (Path file : files) {
      boolean begun = last == '\n';
      try (InputStream in = opened(file)) {
        for (int n = in.read(buffer); n > 0; n = in.read(buffer)) {
          if (!begun) {
            sha.update((byte) '\n');
            begun = true;
          }
          sha.update(buffer, 0, n);
          last = buffer[n - 1];
        }
      } catch (IOException e) {
        throw Unreadable.of(file, e);
      }
    }
    return PREFIX + HexFormat.of().formatHex(sha.digest());
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
