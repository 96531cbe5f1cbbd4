package dev.nudge.data.source;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/// A buffered byte reader without a lock: reads one byte, or up to the end of a line.
///
/// Threading: one thread.
final class ByteReader implements Closeable {
  private static final char REPLACED = '\uFFFD';

  private final InputStream in;
  private final byte[] buffer = new byte[1 << 16];
  private final ByteArrayOutputStream rest = new ByteArrayOutputStream();
  private int at;
  private int end;
  private boolean broken;

  ByteReader(InputStream in) {
    this.in = in;
  }

  /// Whether there is a byte at `at`, read if need be.
  private boolean filled() throws IOException {
    if (at == end) {
      at = 0;
      end = Math.max(0, in.read(buffer));
    }
    return at < end;
  }

  /// The next byte, which stays; -1 at the end.
  int peek() throws IOException {
    return filled() ? buffer[at] & 0xFF : -1;
  }

  /// The next byte; -1 at the end.
  int read() throws IOException {
    return filled() ? buffer[at++] & 0xFF : -1;
  }

  /// Tells whether there is nothing more.
  boolean atEnd() throws IOException {
    return !filled();
  }

  /// The text up to the end of the line, which is passed over.
  String line() throws IOException {
    rest.reset();
    broken = false;
    while (filled()) {
      int from = at;
      while (at < end && buffer[at] != '\n') {
        at++;
      }
      if (at == end) {
        rest.write(buffer, from, at - from); // goes on in the next buffer
        continue;
      }
      at++;
      broken = true;
      if (rest.size() == 0) {
        return text(buffer, from, at - 1 - from);
      }
      rest.write(buffer, from, at - 1 - from);
      break;
    }
    return text(rest.toByteArray(), 0, rest.size());
  }

  /// Whether a line break ended the last line.
  boolean broken() {
    return broken;
  }

  /// The text of bytes in UTF-8.
  ///
  /// @throws CharacterCodingException where they are none
  static String text(byte[] bytes, int from, int length) throws CharacterCodingException {
    String text = new String(bytes, from, length, StandardCharsets.UTF_8);
    if (text.indexOf(REPLACED) >= 0) { // of the text, or of bytes that are none
      StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes, from, length));
    }
    return text;
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
