package dev.nudge.text.jinja;

import dev.nudge.python.PythonEscapes;
import dev.nudge.python.ValueError;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/// Splits the contents of one tag into tokens. A closing sign within open brackets is an operator:
/// `{{ {'a': {}} }}`.
final class TagLexer {
  private static final List<String> SIGNS =
      List.of(
          "==", "!=", ">=", "<=", "//", "**", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{",
          "}", ">", "<", "=", ".", ":", "|", ",", ";");

  private final String text;
  private final String close;
  private final List<Token> tokens;
  private final Deque<Character> open = new ArrayDeque<>();
  private int at;
  private int line;

  TagLexer(String text, int at, int line, String close, List<Token> tokens) {
    this.text = text;
    this.at = at;
    this.line = line;
    this.close = close;
    this.tokens = tokens;
  }

  /// Where the closing sign stands, or the `-` or `+` before it.
  int at() {
    return at;
  }

  int line() {
    return line;
  }

  /// Up to where the tag closes.
  void run() {
    int opened = line;
    while (true) {
      int next = Lexer.skipSpaces(text, at);
      line += Lexer.count(text, at, next);
      at = next;
      if (at >= text.length()) {
        throw new Lexer.Failure(opened, "a tag is not closed; it ends with '" + close + "'");
      }
      char c = text.charAt(at);
      if (open.isEmpty() && closes()) {
        return;
      }
      if (c == '"' || c == '\'') {
        string(c);
      } else if (c >= '0' && c <= '9') {
        number();
      } else if (c == '_' || Character.isUnicodeIdentifierStart(text.codePointAt(at))) {
        name();
      } else {
        sign();
      }
    }
  }

  private boolean closes() {
    char c = text.charAt(at);
    boolean signed = c == '-' || c == '+' && close.equals("%}");
    return text.startsWith(close, signed ? at + 1 : at);
  }

  private void sign() {
    String sign = SIGNS.stream().filter(s -> text.startsWith(s, at)).findFirst().orElse("");
    if (sign.isEmpty()) {
      String shown = Character.toString(text.codePointAt(at));
      throw new Lexer.Failure(line, "the character '" + shown + "' is not expected");
    }
    char c = sign.charAt(0);
    switch (c) {
      case '{' -> open.push('}');
      case '(' -> open.push(')');
      case '[' -> open.push(']');
      case '}', ')', ']' -> {
        if (open.isEmpty() || open.pop() != c) {
          throw new Lexer.Failure(line, "'" + c + "' closes nothing");
        }
      }
      default -> {}
    }
    tokens.add(new Token(Token.Kind.SIGN, sign, line));
    at += sign.length();
  }

  private void name() {
    int from = at;
    while (at < text.length()) {
      int c = text.codePointAt(at);
      if (c != '_' && !Character.isUnicodeIdentifierPart(c) || Character.isIdentifierIgnorable(c)) {
        break;
      }
      at += Character.charCount(c);
    }
    tokens.add(new Token(Token.Kind.NAME, text.substring(from, at), line));
  }

  private void number() {
    Numbers.Read read = Numbers.read(text, at, text.charAt(at - 1) == '.');
    tokens.add(
        new Token(read.isFloat() ? Token.Kind.FLOAT : Token.Kind.INTEGER, read.digits(), line));
    at = read.end();
  }

  private void string(char quote) {
    int from = at + 1;
    int i = from;
    while (i < text.length() && text.charAt(i) != quote) {
      i += text.charAt(i) == '\\' ? 2 : 1;
    }
    if (i >= text.length()) {
      throw new Lexer.Failure(line, "a text is not closed; it ends with " + quote);
    }
    try {
      String read = PythonEscapes.read(text.substring(from, i));
      tokens.add(new Token(Token.Kind.TEXT, read, line));
    } catch (ValueError e) {
      throw new Lexer.Failure(line, String.valueOf(e.getMessage()));
    }
    line += Lexer.count(text, at, i);
    at = i + 1;
  }
}
