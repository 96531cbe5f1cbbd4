package dev.nudge.text.jinja;

import dev.nudge.python.PythonText;
import java.util.ArrayList;
import java.util.List;

/// Splits a template into tokens. Chat templates have `trim_blocks` (drops the line break after a
/// block or comment) and `lstrip_blocks` (drops blanks before one on its line); `-` and `+` beside
/// a delimiter strip more or nothing.
final class Lexer {
  private final String text;
  private final boolean trims;
  private final List<Token> tokens = new ArrayList<>();
  private int at;
  private int line = 1;
  private boolean lineStarts = true; // what stands before `at` ends a line

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

  /// What is wrong, with its line.
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
    return skipSpaces(text, from);
  }

  static int skipSpaces(String text, int from) {
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

  /// Behind a tag that has ended: its sign strips, else a line break may go.
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
    TagLexer tag = new TagLexer(text, at, line, close, tokens);
    tag.run();
    line = tag.line();
    tokens.add(new Token(end, "", line));
    char sign = text.charAt(tag.at());
    boolean signed = sign == '-' || sign == '+';
    at = tag.at() + (signed ? 3 : 2);
    behindTag(signed ? sign : ' ', end == Token.Kind.BLOCK_END);
  }

  static int count(String text, int from, int to) {
    int lines = 0;
    for (int i = from; i < to; i++) {
      lines += text.charAt(i) == '\n' ? 1 : 0;
    }
    return lines;
  }
}
