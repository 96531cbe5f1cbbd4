package dev.nudge.data;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/// A digest of what files hold: SHA-256 over their bytes, one file after the other, with a line
/// break between two where the first does not end in one.
///
/// So it is that of the rows in their order: names and times of files do not count, nor into how
/// many files the rows are cut. Of one file it is what `sha256sum` says.
public final class ContentDigest {
  private static final String PREFIX = "sha256:"; // as in OCI

  private ContentDigest() {}

  /// The digest of the files that names and globs mean.
  ///
  /// @throws dev.nudge.settings.InputException where a file is missing or cannot be read
  public static String of(List<String> filesOrGlobs) {
    return ofFiles(SourceFiles.of(filesOrGlobs));
  }

  /// The digest of one file.
  ///
  /// @throws dev.nudge.settings.InputException where it cannot be read
  public static String of(Path file) {
    return ofFiles(List.of(file));
  }

  private static String ofFiles(List<Path> files) {
    MessageDigest sha = sha256();
    byte[] buffer = new byte[1 << 16];
    byte last = '\n';
    for (Path file : files) {
      boolean begun = last == '\n';
      try (InputStream in = Files.newInputStream(file)) {
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
