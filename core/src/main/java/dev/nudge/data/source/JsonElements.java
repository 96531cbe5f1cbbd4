package dev.nudge.data.source;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.CharacterCodingException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// Splits JSON into rows as a stream: the elements of one array, or objects one after the other,
/// over any number of lines.
///
/// It tracks only brackets and quotes; whether an element is valid JSON shows when it is parsed as
/// a row. What stands between two elements is checked here.
final class JsonElements implements RowSource {
  private static final int MOST =
      1 << 28; // bytes of an element: a quote is missing, or it is no row

  private final ByteReader in;
  private final boolean array;
  private byte[] element = new byte[1 << 12];
  private int length;
  private int line = 1;
  private boolean begun;
  private boolean ended;

  /// @param array whether the elements are those of one array
  JsonElements(InputStream in, boolean array) {
    this.in = new ByteReader(in);
    this.array = array;
  }

  @Override
  public @Nullable Piece next() throws IOException {
    if (ended) {
      return null;
    }
    int b = space();
    if (array && !begun) {
      in.read(); // the bracket, by which it was recognised
      b = space();
    } else if (array && b == ',') {
      in.read();
      b = space();
      if (b == ']') {
        return last("a comma stands before the end of the array");
      }
    } else if (array && b >= 0 && b != ']') {
      return last("no comma stands between two elements of the array");
    }
    begun = true;
    if (array && b == ']') {
      in.read();
      return space() < 0 ? end() : last("there is more behind the array");
    }
    if (b < 0) {
      return array ? last("the array has no end; is the file cut off?") : end();
    }
    int at = line;
    return Piece.of(at, b == '{' || b == '[' ? nested(at) : single(at));
  }

  private @Nullable Piece end() {
    ended = true;
    return null;
  }

  private Piece last(String problem) {
    ended = true;
    return Piece.broken(line, problem);
  }

  /// Passes over white space; returns the next byte, which stays.
  private int space() throws IOException {
    int b = in.peek();
    while (b == ' ' || b == '\n' || b == '\r' || b == '\t' || b == 0xEF && !begun) {
      in.read();
      if (b == '\n') {
        line++;
      } else if (b == 0xEF) { // a byte-order mark
        in.read();
        in.read();
      }
      b = in.peek();
    }
    return b;
  }

  private String nested(int at) throws IOException {
    length = 0;
    int depth = 0;
    boolean quoted = false;
    do {
      int b = in.read();
      if (b < 0) {
        break; // and what is missing is told by the parser
      }
      add(b, at);
      if (quoted) {
        if (b == '\\') {
          add(in.read(), at);
        }
        quoted = b != '"';
      } else if (b == '"') {
        quoted = true;
      } else if (b == '{' || b == '[') {
        depth++;
      } else if (b == '}' || b == ']') {
        depth--;
      }
    } while (depth > 0 || quoted);
    return text(at);
  }

  /// A number, a text or a word, which is no row.
  private String single(int at) throws IOException {
    length = 0;
    for (int b = in.peek();
        b >= 0 && b != '\n' && !(array && (b == ',' || b == ']'));
        b = in.peek()) {
      add(in.read(), at);
    }
    return text(at);
  }

  private void add(int b, int at) throws IOException {
    if (b < 0) {
      return;
    }
    if (b == '\n') {
      line++;
    }
    if (length == MOST) {
      throw new IOException("the element that begins in line " + at + " is above 256 MiB");
    }
    if (length == element.length) {
      element = Arrays.copyOf(element, 2 * length);
    }
    element[length++] = (byte) b;
  }

  private String text(int at) throws IOException {
    try {
      return ByteReader.text(element, 0, length);
    } catch (CharacterCodingException e) {
      throw new NotUtf8(at, e);
    }
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
