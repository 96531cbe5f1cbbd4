package dev.nudge.text.jinja;

/// Reads the escapes of a text in quotes; an unknown one stands for itself, as in Python.
final class Escapes {
  private Escapes() {}

  static String read(String raw, int line) {
    if (raw.indexOf('\\') < 0) {
      return raw;
    }
    StringBuilder out = new StringBuilder();
    int i = 0;
    while (i < raw.length()) {
      char c = raw.charAt(i++);
      if (c != '\\') {
        out.append(c);
        continue;
      }
      c = raw.charAt(i++);
      switch (c) {
        case '\n' -> {}
        case '\\', '\'', '"' -> out.append(c);
        case 'n' -> out.append('\n');
        case 't' -> out.append('\t');
        case 'r' -> out.append('\r');
        case 'a' -> out.append('\u0007');
        case 'b' -> out.append('\b');
        case 'f' -> out.append('\f');
        case 'v' -> out.append('\u000B');
        case 'x', 'u', 'U' -> {
          int digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
          out.appendCodePoint(hex(raw, i, digits, line));
          i += digits;
        }
        case 'N' -> throw new Lexer.Failure(line, "the escape \\N is not known here");
        default -> {
          if (c >= '0' && c <= '7') {
            int value = 0;
            int from = --i;
            while (i < raw.length()
                && i < from + 3
                && raw.charAt(i) >= '0'
                && raw.charAt(i) <= '7') {
              value = 8 * value + raw.charAt(i++) - '0';
            }
            out.append((char) value);
          } else {
            out.append('\\').append(c);
          }
        }
      }
    }
    return out.toString();
  }

  private static int hex(String raw, int from, int digits, int line) {
    int value = 0;
    for (int i = from; i < from + digits; i++) {
      int digit = i < raw.length() ? Character.digit(raw.charAt(i), 16) : -1;
      if (digit < 0 || value > Character.MAX_CODE_POINT) {
        throw new Lexer.Failure(line, "an escape needs " + digits + " hexadecimal digits");
      }
      value = 16 * value + digit;
    }
    if (value > Character.MAX_CODE_POINT) {
      throw new Lexer.Failure(line, "an escape names no character");
    }
    return value;
  }
}
