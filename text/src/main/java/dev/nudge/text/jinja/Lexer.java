package dev.nudge.text.jinja;

import dev.nudge.python.PythonEscapes;
import dev.nudge.python.PythonText;
import dev.nudge.python.ValueError;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Splits a template into tokens. Chat templates have `trim_blocks` (drops the line break after a
/// block or comment) and `lstrip_blocks` (drops blanks before one on its line); `-` at a delimiter
/// strips all white space, `+` none.
final class Lexer {
  private static final List<String> SIGNS =
      List.of(
          "==", "!=", ">=", "<=", "//", "**", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{",
          "}", ">", "<", "=", ".", ":", "|", ",", ";");
  private static final Pattern FLOAT =
      Pattern.compile(
          "(?:\\d+_)*\\d+(?:(?:\\.(?:\\d+_)*\\d+)?[eE][+-]?(?:\\d+_)*\\d+|\\.(?:\\d+_)*\\d+)");
  private static final Pattern INTEGER =
      Pattern.compile(
          "0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[0-9a-fA-F])+|[1-9](?:_?\\d)*|0(?:_?0)*");

  private final String text;
  private final boolean trims;
  private final List<Token> tokens = new ArrayList<>();
  private int at;
  private int line = 1;
  private boolean lineStarts = true; // the text before `at` ends a line

  private Lexer(String text, boolean trims) {
    this.text = text;
    this.trims = trims;
  }

  static List<Token> tokens(String source, Dialect dialect) {
    String lines = source.replace("\r\n", "\n").replace('\r', '\n');
    boolean ended = dialect.trims() && lines.endsWith("\n");
    Lexer lexer =
        new Lexer(ended ? lines.substring(0, lines.length() - 1) : lines, dialect.trims());
    lexer.run();
    return lexer.tokens;
  }

  /// A syntax error with its line.
  static final class Failure extends RuntimeException {
    private static final long serialVersionUID = 1L;
    final int line;

    Failure(int line, String message) {
      super(message, null, false, false);
      this.line = line;
    }
  }

  private void run() {
    while (at < text.length()) {
      int tag = nextTag(at);
      if (tag < 0) {
        data(text.substring(at));
        at = text.length();
        break;
      }
      char kind = text.charAt(tag + 1);
      boolean strips = sign(tag + 2) == '-';
      boolean keeps = sign(tag + 2) == '+';
      String data = text.substring(at, tag);
      if (strips) {
        data = PythonText.stripEnd(data);
      } else if (!keeps && kind != '{') {
        data = withoutIndent(data);
      }
      int dataLine = line;
      data(data);
      line = dataLine + count(text, at, tag);
      at = tag + 2 + (strips || keeps ? 1 : 0);
      switch (kind) {
        case '#' -> comment();
        case '%' -> block();
        default -> inside(Token.Kind.VARIABLE_BEGIN, Token.Kind.VARIABLE_END, "}}");
      }
      lineStarts = text.charAt(at - 1) == '\n';
    }
    tokens.add(new Token(Token.Kind.END, "", line));
  }

  private int nextTag(int from) {
    for (int i = text.indexOf('{', from); i >= 0; i = text.indexOf('{', i + 1)) {
      char c = i + 1 < text.length() ? text.charAt(i + 1) : ' ';
      if (c == '{' || c == '%' || c == '#') {
        return i;
      }
    }
    return -1;
  }

  private char sign(int place) {
    return place < text.length() ? text.charAt(place) : ' ';
  }

  private String withoutIndent(String data) {
    if (!trims) {
      return data;
    }
    int begin = data.lastIndexOf('\n') + 1;
    if (begin == 0 && !lineStarts) {
      return data;
    }
    boolean blank = PythonText.stripEnd(data.substring(begin)).isEmpty();
    return blank ? data.substring(0, begin) : data;
  }

  private void data(String data) {
    if (!data.isEmpty()) {
      tokens.add(new Token(Token.Kind.DATA, data, line));
    }
  }

  private void comment() {
    int end = text.indexOf("#}", at);
    if (end < 0) {
      throw new Failure(line, "a comment is not closed; it ends with '#}'");
    }
    line += count(text, at, end);
    char sign = end > at ? text.charAt(end - 1) : ' ';
    at = end + 2;
    behindTag(sign, true);
  }

  private void block() {
    int word = skipSpaces(at);
    if (isRaw(word)) {
      raw(word);
      return;
    }
    inside(Token.Kind.BLOCK_BEGIN, Token.Kind.BLOCK_END, "%}");
  }

  private int skipSpaces(int from) {
    int i = from;
    while (i < text.length() && PythonText.isSpace(text.charAt(i))) {
      i++;
    }
    return i;
  }

  private boolean isRaw(int word) {
    if (!text.startsWith("raw", word)) {
      return false;
    }
    int behind = skipSpaces(word + 3);
    return text.startsWith("%}", behind) || text.startsWith("-%}", behind);
  }

  private void raw(int word) {
    int begin = text.indexOf("%}", word) + 2;
    boolean strips = text.charAt(begin - 3) == '-';
    line += count(text, at, begin);
    if (strips) {
      int behind = skipSpaces(begin);
      line += count(text, begin, behind);
      begin = behind;
    }
    for (int tag = text.indexOf("{%", begin); tag >= 0; tag = text.indexOf("{%", tag + 1)) {
      char before = sign(tag + 2);
      int name = skipSpaces(before == '-' || before == '+' ? tag + 3 : tag + 2);
      if (!text.startsWith("endraw", name)) {
        continue;
      }
      int behind = skipSpaces(name + 6);
      char after = sign(behind);
      int end = after == '-' || after == '+' ? behind + 1 : behind;
      if (!text.startsWith("%}", end)) {
        continue;
      }
      String data = text.substring(begin, tag);
      lineStarts = begin > 0 && text.charAt(begin - 1) == '\n';
      data(before == '-' ? PythonText.stripEnd(data) : before == '+' ? data : withoutIndent(data));
      line += count(text, begin, end);
      at = end + 2;
      behindTag(after, true);
      return;
    }
    throw new Failure(line, "'raw' is not closed; it ends with '{% endraw %}'");
  }

  /// Strips white space after a tag: all of it after `-`, else perhaps one line break.
  private void behindTag(char sign, boolean block) {
    int from = at;
    if (sign == '-') {
      at = skipSpaces(at);
    } else if (sign != '+' && block && trims && at < text.length() && text.charAt(at) == '\n') {
      at++;
    }
    line += count(text, from, at);
  }

  private void inside(Token.Kind begin, Token.Kind end, String close) {
    tokens.add(new Token(begin, "", line));
    tag(close);
    tokens.add(new Token(end, "", line));
    char sign = text.charAt(at);
    boolean signed = sign == '-' || sign == '+';
    at += signed ? 3 : 2;
    behindTag(signed ? sign : ' ', end == Token.Kind.BLOCK_END);
  }

  private static int count(String text, int from, int to) {
    int lines = 0;
    for (int i = from; i < to; i++) {
      lines += text.charAt(i) == '\n' ? 1 : 0;
    }
    return lines;
  }

  /// Reads the tokens of a tag, up to its closing sign or the `-` or `+` before it. Within open
  /// brackets a closing sign is two brackets: `{{ {'a': {}} }}`.
  private void tag(String close) {
    Deque<Character> open = new ArrayDeque<>();
    int opened = line;
    while (true) {
      int next = skipSpaces(at);
      line += count(text, at, next);
      at = next;
      if (at >= text.length()) {
        throw new Failure(opened, "a tag is not closed; it ends with '" + close + "'");
      }
      char c = text.charAt(at);
      if (open.isEmpty() && closes(close)) {
        return;
      }
      if (c == '"' || c == '\'') {
        string(c);
      } else if (c >= '0' && c <= '9') {
        number();
      } else if (c == '_' || Character.isUnicodeIdentifierStart(text.codePointAt(at))) {
        name();
      } else {
        sign(open);
      }
    }
  }

  private boolean closes(String close) {
    char c = text.charAt(at);
    boolean signed = c == '-' || c == '+' && close.equals("%}");
    return text.startsWith(close, signed ? at + 1 : at);
  }

  private void sign(Deque<Character> open) {
    String sign = SIGNS.stream().filter(s -> text.startsWith(s, at)).findFirst().orElse("");
    if (sign.isEmpty()) {
      String shown = Character.toString(text.codePointAt(at));
      throw new Failure(line, "the character '" + shown + "' is not expected");
    }
    char c = sign.charAt(0);
    switch (c) {
      case '{' -> open.push('}');
      case '(' -> open.push(')');
      case '[' -> open.push(']');
      case '}', ')', ']' -> {
        if (open.isEmpty() || open.pop() != c) {
          throw new Failure(line, "'" + c + "' closes nothing");
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
    Token.Kind kind = Token.Kind.FLOAT;
    Matcher matcher = FLOAT.matcher(text).region(at, text.length());
    if (text.charAt(at - 1) == '.' || !matcher.lookingAt()) { // `a.0.1` has two integers
      kind = Token.Kind.INTEGER;
      matcher.usePattern(INTEGER).region(at, text.length()).lookingAt(); // it starts with a digit
    }
    tokens.add(new Token(kind, matcher.group().replace("_", ""), line));
    at = matcher.end();
  }

  private void string(char quote) {
    int from = at + 1;
    int i = from;
    while (i < text.length() && text.charAt(i) != quote) {
      i += text.charAt(i) == '\\' ? 2 : 1;
    }
    if (i >= text.length()) {
      throw new Failure(line, "a text is not closed; it ends with " + quote);
    }
    try {
      String read = PythonEscapes.read(text.substring(from, i));
      tokens.add(new Token(Token.Kind.TEXT, read, line));
    } catch (ValueError e) {
      throw new Failure(line, String.valueOf(e.getMessage()));
    }
    line += count(text, at, i);
    at = i + 1;
  }
}
