package dev.nudge.data.source;

import java.io.IOException;
import java.io.InputStream;
import java.io.Reader;
import java.nio.charset.CharacterCodingException;

/// A UTF-8 reader by lines, which knows the line of an invalid byte, without a byte-order mark.
final class Utf8Text extends Reader {
  private final ByteReader in;
  private String text = "";
  private int at;
  private int line;
  private char last; // that is no white space

  Utf8Text(InputStream in) {
    this.in = new ByteReader(in);
  }

  @Override
  public int read(char[] buffer, int offset, int length) throws IOException {
    int filled = 0;
    while (filled < length && (at < text.length() || advance())) {
      int count = Math.min(length - filled, text.length() - at);
      text.getChars(at, at + count, buffer, offset + filled);
      at += count;
      filled += count;
    }
    return filled == 0 && length > 0 ? -1 : filled;
  }

  private boolean advance() throws IOException {
    if (in.atEnd()) {
      return false;
    }
    line++;
    try {
      text = in.line() + (in.broken() ? "\n" : "");
      text = line == 1 && text.startsWith("\uFEFF") ? text.substring(1) : text;
    } catch (CharacterCodingException e) {
      throw new NotUtf8(line, e);
    }
    at = 0;
    String ended = text.stripTrailing();
    last = ended.isEmpty() ? last : ended.charAt(ended.length() - 1);
    return true;
  }

  /// The last character so far that is no white space.
  char last() {
    return last;
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
