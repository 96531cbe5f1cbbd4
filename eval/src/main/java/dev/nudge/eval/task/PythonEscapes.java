package dev.nudge.eval.task;

/// Turns the escapes of a Python text into the characters that they stand for.
final class PythonEscapes {
  private final StringBuilder out = new StringBuilder();

  void plain(char c) {
    out.append(c);
  }

  String text() {
    return out.toString();
  }

  /// Takes what stands behind a backslash.
  ///
  /// @return the place behind it; -1 where it is no escape
  int escaped(String text, int at) {
    if (at >= text.length()) {
      return -1;
    }
    char c = text.charAt(at);
    switch (c) {
      case '\n' -> {}
      case '\\', '\'', '"' -> out.append(c);
      case 'a' -> out.append('\u0007');
      case 'b' -> out.append('\b');
      case 'f' -> out.append('\f');
      case 'n' -> out.append('\n');
      case 'r' -> out.append('\r');
      case 't' -> out.append('\t');
      case 'v' -> out.append('\u000B');
      case 'x' -> {
        return hex(text, at + 1, 2);
      }
      case 'u' -> {
        return hex(text, at + 1, 4);
      }
      case 'U' -> {
        return hex(text, at + 1, 8);
      }
      case 'N' -> {
        return named(text, at + 1);
      }
      default -> {
        if (c >= '0' && c <= '7') {
          return octal(text, at);
        }
        out.append('\\').append(c);
      }
    }
    return at + 1;
  }

  private int hex(String text, int from, int digits) {
    int end = from + digits;
    if (end > text.length() || !text.substring(from, end).matches("[0-9a-fA-F]+")) {
      return -1;
    }
    long point = Long.parseLong(text.substring(from, end), 16);
    if (point > Character.MAX_CODE_POINT) {
      return -1;
    }
    out.appendCodePoint((int) point);
    return end;
  }

  private int octal(String text, int from) {
    int end = from;
    while (end < text.length()
        && end < from + 3
        && text.charAt(end) >= '0'
        && text.charAt(end) <= '7') {
      end++;
    }
    out.append((char) Integer.parseInt(text.substring(from, end), 8));
    return end;
  }

  private int named(String text, int from) {
    int close = text.indexOf('}', from);
    if (close < 0 || text.charAt(from) != '{') {
      return -1;
    }
    try {
      out.appendCodePoint(Character.codePointOf(text.substring(from + 1, close)));
      return close + 1;
    } catch (IllegalArgumentException e) {
      return -1;
    }
  }
}
