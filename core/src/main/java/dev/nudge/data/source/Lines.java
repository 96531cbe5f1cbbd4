package dev.nudge.data.source;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.CharacterCodingException;
import org.jspecify.annotations.Nullable;

/// Reads lines, each a row: JSONL, and plain texts.
///
/// Lines end with `\n` (a `\r` before it is dropped) and are UTF-8; a byte-order mark at the start
/// is dropped. Blank lines are passed over and counted as lines.
final class Lines implements RowSource {
  private final ByteReader in;
  private int line;

  Lines(InputStream in) {
    this.in = new ByteReader(in);
  }

  @Override
  public @Nullable Piece next() throws IOException {
    while (!in.atEnd()) {
      line++;
      String text = text();
      if (!text.isBlank()) {
        return Piece.of(line, text);
      }
    }
    return null;
  }

  private String text() throws IOException {
    String text;
    try {
      text = in.line();
    } catch (CharacterCodingException e) {
      throw new NotUtf8(line, e);
    }
    int start = line == 1 && text.startsWith("\uFEFF") ? 1 : 0;
    int end = text.endsWith("\r") ? text.length() - 1 : text.length();
    return text.substring(start, Math.max(start, end));
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
