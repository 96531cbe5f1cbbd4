package dev.nudge.python;

/// Resolves escapes of a Python string literal; an unknown escape is left as it is, as in Python.
public final class PythonEscapes {
  private final String raw;
  private final StringBuilder out = new StringBuilder();
  private int at;

  private PythonEscapes(String raw) {
    this.raw = raw;
  }

  /// Resolves the escapes of the text between the quotes.
  ///
  /// @throws ValueError if an escape is truncated or names no character
  public static String read(String raw) {
    return raw.indexOf('\\') < 0 ? raw : new PythonEscapes(raw).all();
  }

  private String all() {
    while (at < raw.length()) {
      char c = raw.charAt(at++);
      if (c == '\\') {
        escape();
      } else {
        out.append(c);
      }
    }
    return out.toString();
  }

  private void escape() {
    if (at == raw.length()) {
      throw new ValueError("a backslash at the end of a text");
    }
    char c = raw.charAt(at++);
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
      case 'x' -> hex(2);
      case 'u' -> hex(4);
      case 'U' -> hex(8);
      case 'N' -> named();
      case '0', '1', '2', '3', '4', '5', '6', '7' -> octal();
      default -> out.append('\\').append(c);
    }
  }

  private void hex(int digits) {
    int end = at + digits;
    if (end > raw.length() || !raw.substring(at, end).matches("[0-9a-fA-F]+")) {
      throw new ValueError("an escape needs " + digits + " hexadecimal digits");
    }
    long point = Long.parseLong(raw.substring(at, end), 16);
    if (point > Character.MAX_CODE_POINT) {
      throw new ValueError("an escape names no character");
    }
    out.appendCodePoint((int) point);
    at = end;
  }

  private void octal() {
    int from = at - 1;
    while (at < raw.length() && at < from + 3 && raw.charAt(at) >= '0' && raw.charAt(at) <= '7') {
      at++;
    }
    out.append((char) Integer.parseInt(raw.substring(from, at), 8));
  }

  private void named() {
    int close = raw.indexOf('}', at);
    if (close < 0 || raw.charAt(at) != '{') {
      throw new ValueError("the escape \\N needs a name in braces");
    }
    try {
      out.appendCodePoint(Character.codePointOf(raw.substring(at + 1, close)));
    } catch (IllegalArgumentException e) {
      throw new ValueError("an escape names no character");
    }
    at = close + 1;
  }
}
