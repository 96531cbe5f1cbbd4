package dev.nudge.text.jinja;

import dev.nudge.python.PythonLiteral;
import dev.nudge.python.ValueError;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Parses values: names, literals, brackets, and the calls and accesses that follow a value.
final class ValueParser {
  private final TokenCursor tokens;
  private final ExpressionParser expressions;
  private Set<String> used = new HashSet<>();

  ValueParser(TokenCursor tokens, ExpressionParser expressions) {
    this.tokens = tokens;
    this.expressions = expressions;
  }

  Set<String> watch(Set<String> names) {
    Set<String> before = used;
    used = names;
    return before;
  }

  Expression primary() {
    Token token = tokens.next();
    switch (token.kind()) {
      case NAME -> {
        return switch (token.text()) {
          case "true", "True" -> new Expression.Constant(Num.TRUE);
          case "false", "False" -> new Expression.Constant(Num.FALSE);
          case "none", "None" -> new Expression.Constant(None.NONE);
          default -> {
            used.add(token.text());
            yield new Expression.Name(token.text(), token.line());
          }
        };
      }
      case TEXT -> {
        StringBuilder all = new StringBuilder(token.text());
        while (tokens.is(Token.Kind.TEXT)) {
          all.append(tokens.next().text());
        }
        return new Expression.Constant(Text.of(all.toString()));
      }
      case INTEGER -> {
        return new Expression.Constant(integer(token));
      }
      case FLOAT -> {
        return new Expression.Constant(Num.of(Double.parseDouble(token.text())));
      }
      case SIGN -> {
        switch (token.text()) {
          case "(" -> {
            return tuple();
          }
          case "[" -> {
            return list();
          }
          case "{" -> {
            return mapping();
          }
          default -> {}
        }
      }
      default -> {}
    }
    throw new Lexer.Failure(token.line(), token.shown() + " is not expected there");
  }

  private static Num integer(Token token) {
    try {
      return Num.of(PythonLiteral.integer(token.text()));
    } catch (ValueError e) {
      throw new Lexer.Failure(token.line(), String.valueOf(e.getMessage()));
    }
  }

  private Expression tuple() {
    tokens.enter();
    if (tokens.takeSign(")")) {
      tokens.leave();
      return new Expression.Row(List.of(), true);
    }
    Expression value = expressions.several(true);
    tokens.needSign(")");
    tokens.leave();
    return value;
  }

  private Expression list() {
    List<Expression> values = new ArrayList<>();
    while (!tokens.takeSign("]")) {
      if (!values.isEmpty()) {
        tokens.needSign(",");
        if (tokens.takeSign("]")) {
          break;
        }
      }
      values.add(expressions.expression());
    }
    return new Expression.Row(values, false);
  }

  private Expression mapping() {
    List<Expression.Entry> entries = new ArrayList<>();
    while (!tokens.takeSign("}")) {
      if (!entries.isEmpty()) {
        tokens.needSign(",");
        if (tokens.takeSign("}")) {
          break;
        }
      }
      Expression key = expressions.expression();
      tokens.needSign(":");
      entries.add(new Expression.Entry(key, expressions.expression()));
    }
    return new Expression.Mapping(entries);
  }

  /// What stands right behind a value: `.name`, `[…]`, `(…)`.
  Expression behind(Expression of) {
    Expression value = of;
    while (true) {
      int line = tokens.line();
      if (tokens.takeSign(".")) {
        value = attribute(value, line);
      } else if (tokens.takeSign("[")) {
        value = item(value, line);
      } else if (tokens.isSign("(")) {
        value = new Expression.Call(value, given(), line);
      } else {
        return value;
      }
    }
  }

  private Expression attribute(Expression of, int line) {
    if (tokens.is(Token.Kind.INTEGER)) {
      return new Expression.Item(of, new Expression.Constant(integer(tokens.next())), line);
    }
    return new Expression.Attribute(of, tokens.needName(), line);
  }

  private Expression item(Expression of, int line) {
    Expression from = tokens.isSign(":") ? null : expressions.expression();
    if (tokens.takeSign(":")) {
      Expression to = tokens.isSign(":") || tokens.isSign("]") ? null : expressions.expression();
      Expression step =
          tokens.takeSign(":") && !tokens.isSign("]") ? expressions.expression() : null;
      tokens.needSign("]");
      return new Expression.Slice(of, from, to, step, line);
    }
    tokens.needSign("]");
    if (from == null) {
      throw tokens.wrong("an index is expected between the brackets");
    }
    return new Expression.Item(of, from, line);
  }

  Expression.Given given() {
    tokens.needSign("(");
    List<Expression> positional = new ArrayList<>();
    Map<String, Expression> named = new LinkedHashMap<>();
    Expression rest = null;
    Expression restNamed = null;
    boolean first = true;
    while (!tokens.takeSign(")")) {
      if (!first) {
        tokens.needSign(",");
        if (tokens.takeSign(")")) {
          break;
        }
      }
      first = false;
      if (tokens.takeSign("**")) {
        restNamed = onlyOnce(restNamed);
      } else if (tokens.takeSign("*")) {
        rest = onlyOnce(rest);
      } else if (tokens.is(Token.Kind.NAME) && tokens.ahead().isSign("=")) {
        String name = tokens.next().text();
        tokens.next();
        if (named.put(name, expressions.expression()) != null) {
          throw tokens.wrong("the argument '" + name + "' is given twice");
        }
      } else {
        if (!named.isEmpty() || rest != null || restNamed != null) {
          throw tokens.wrong("an argument without a name stands behind one with a name");
        }
        positional.add(expressions.expression());
      }
    }
    boolean nothing = positional.isEmpty() && named.isEmpty() && rest == null && restNamed == null;
    return nothing
        ? Expression.Given.NOTHING
        : new Expression.Given(positional, named, rest, restNamed);
  }

  private Expression onlyOnce(@Nullable Expression before) {
    if (before != null) {
      throw tokens.wrong("'*' and '**' stand once each between parentheses");
    }
    return expressions.expression();
  }
}
