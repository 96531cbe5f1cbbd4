package dev.nudge.server.experiments;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.nudge.settings.InputException;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.function.Consumer;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/// Reads the records of a [Log] and finds the end of the last valid line.
final class LogReader {
  static final String BEFORE = "{\"crc\":\"";
  static final String BETWEEN = "\",\"record\":";
  private static final int DIGITS = 8;
  private static final int HEAD = BEFORE.length() + DIGITS + BETWEEN.length();

  private LogReader() {}

  /// Replays the records in order.
  ///
  /// @param in the whole log; this does not close it
  /// @param file the log, for messages
  /// @return offset of the end of the last valid line
  /// @throws InputException if valid lines follow an invalid one
  static long read(InputStream in, Path file, Consumer<String> records) throws IOException {
    InputStream buffered = new BufferedInputStream(in, 1 << 16);
    long end = 0;
    long brokenAt = -1;
    long at = 0;
    for (byte[] line = next(buffered); line.length > 0; line = next(buffered)) {
      at += line.length;
      String record = record(line);
      if (record == null) {
        brokenAt = brokenAt < 0 ? end : brokenAt;
      } else if (brokenAt >= 0) {
        throw new InputException(
            "%s is damaged at byte %d, and what follows is whole; bring it back from a copy, or move it away"
                .formatted(file, brokenAt));
      } else {
        records.accept(record);
        end = at;
      }
    }
    return end;
  }

  /// Reads the next line with its newline, which the last line may lack; empty at the end.
  private static byte[] next(InputStream in) throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream(256);
    for (int b = in.read(); b >= 0; b = in.read()) {
      line.write(b);
      if (b == '\n') {
        break;
      }
    }
    return line.toByteArray();
  }

  /// Returns the record of a line; null if the checksum does not match.
  private static @Nullable String record(byte[] line) {
    int end = line.length - 2;
    if (end < HEAD || line[end] != '}' || line[end + 1] != '\n') {
      return null;
    }
    String head = new String(line, 0, HEAD, US_ASCII);
    String crc = crc(line, HEAD, end - HEAD);
    return head.equals(BEFORE + crc + BETWEEN) ? new String(line, HEAD, end - HEAD, UTF_8) : null;
  }

  /// Returns the CRC-32C of bytes, in eight hexadecimal digits.
  static String crc(byte[] bytes, int from, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, from, length);
    return HexFormat.of().toHexDigits((int) crc.getValue());
  }
}
