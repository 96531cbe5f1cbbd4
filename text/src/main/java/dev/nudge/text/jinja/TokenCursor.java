package dev.nudge.text.jinja;

import java.util.List;

/// A cursor over the tokens of a template.
final class TokenCursor {
  private static final int MOST_DEPTH = 200;

  private final List<Token> all;
  private int at;
  private int depth;

  TokenCursor(List<Token> all) {
    this.all = all;
  }

  Token now() {
    return all.get(at);
  }

  Token ahead() {
    return all.get(Math.min(at + 1, all.size() - 1));
  }

  int line() {
    return now().line();
  }

  Token next() {
    Token token = now();
    at += token.kind() == Token.Kind.END ? 0 : 1;
    return token;
  }

  boolean is(Token.Kind kind) {
    return now().kind() == kind;
  }

  boolean isName(String name) {
    return now().isName(name);
  }

  boolean isSign(String sign) {
    return now().isSign(sign);
  }

  boolean takeName(String name) {
    boolean found = isName(name);
    at += found ? 1 : 0;
    return found;
  }

  boolean takeSign(String sign) {
    boolean found = isSign(sign);
    at += found ? 1 : 0;
    return found;
  }

  void needSign(String sign) {
    if (!takeSign(sign)) {
      throw wrong("expected '" + sign + "', found " + now().shown());
    }
  }

  String needName() {
    if (!is(Token.Kind.NAME)) {
      throw wrong("expected a name, found " + now().shown());
    }
    return next().text();
  }

  void need(Token.Kind kind) {
    if (!is(kind)) {
      throw wrong(now().shown() + " is not expected there");
    }
    next();
  }

  Lexer.Failure wrong(String what) {
    return new Lexer.Failure(line(), what);
  }

  /// Call before parsing a construct that may nest.
  void enter() {
    if (++depth > MOST_DEPTH) {
      throw wrong("more than " + MOST_DEPTH + " expressions or blocks within each other");
    }
  }

  void leave() {
    depth--;
  }
}
