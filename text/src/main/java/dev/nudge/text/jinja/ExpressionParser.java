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

/// Parses expressions by jinja2's grammar, with a method for each level of precedence.
final class ExpressionParser {
  private static final Set<String> ORDER = Set.of("==", "!=", "<", "<=", ">", ">=");

  private final TokenCursor tokens;
  private final Dialect dialect;
  private Set<String> used = new HashSet<>();

  ExpressionParser(TokenCursor tokens, Dialect dialect) {
    this.tokens = tokens;
    this.dialect = dialect;
  }

  /// Collects the names that expressions use from here on; returns the set used before.
  Set<String> watch(Set<String> names) {
    Set<String> before = used;
    used = names;
    return before;
  }

  /// Parses `a` or the tuple `a, b`; for a loop's values, not `a if b`.
  Expression several(boolean conditional) {
    Expression first = one(conditional);
    if (!tokens.isSign(",")) {
      return first;
    }
    List<Expression> all = new ArrayList<>(List.of(first));
    while (tokens.takeSign(",")) {
      if (ends()) {
        break;
      }
      all.add(one(conditional));
    }
    return new Expression.Row(all, true);
  }

  private boolean ends() {
    return tokens.is(Token.Kind.VARIABLE_END)
        || tokens.is(Token.Kind.BLOCK_END)
        || tokens.isSign(")")
        || tokens.isName("recursive");
  }

  private Expression one(boolean conditional) {
    return conditional ? expression() : or();
  }

  Expression expression() {
    tokens.enter();
    int line = tokens.line();
    Expression value = or();
    while (tokens.takeName("if")) {
      Expression test = or();
      Expression otherwise = tokens.takeName("else") ? expression() : null;
      value = new Expression.Conditional(test, value, otherwise, line);
    }
    tokens.leave();
    return value;
  }

  private Expression or() {
    Expression left = and();
    while (tokens.takeName("or")) {
      left = new Expression.Or(left, and());
    }
    return left;
  }

  private Expression and() {
    Expression left = not();
    while (tokens.takeName("and")) {
      left = new Expression.And(left, not());
    }
    return left;
  }

  private Expression not() {
    if (!tokens.takeName("not")) {
      return compared();
    }
    tokens.enter();
    Expression value = not();
    tokens.leave();
    return new Expression.Not(value);
  }

  private Expression compared() {
    int line = tokens.line();
    Expression first = sum();
    List<String> signs = new ArrayList<>();
    List<Expression> others = new ArrayList<>();
    while (true) {
      if (tokens.is(Token.Kind.SIGN) && ORDER.contains(tokens.now().text())) {
        signs.add(tokens.next().text());
      } else if (tokens.takeName("in")) {
        signs.add("in");
      } else if (tokens.isName("not") && tokens.ahead().isName("in")) {
        tokens.next();
        tokens.next();
        signs.add("not in");
      } else {
        break;
      }
      others.add(sum());
    }
    return signs.isEmpty() ? first : new Expression.Compared(first, signs, others, line);
  }

  private Expression sum() {
    Expression left = joined();
    while (tokens.isSign("+") || tokens.isSign("-")) {
      Token sign = tokens.next();
      left = new Expression.Binary(left, sign.text(), joined(), sign.line());
    }
    return left;
  }

  private Expression joined() {
    int line = tokens.line();
    Expression first = product();
    if (!tokens.isSign("~")) {
      return first;
    }
    List<Expression> parts = new ArrayList<>(List.of(first));
    while (tokens.takeSign("~")) {
      parts.add(product());
    }
    return new Expression.Joined(parts, line);
  }

  private Expression product() {
    Expression left = power();
    while (tokens.isSign("*") || tokens.isSign("/") || tokens.isSign("//") || tokens.isSign("%")) {
      Token sign = tokens.next();
      left = new Expression.Binary(left, sign.text(), power(), sign.line());
    }
    return left;
  }

  private Expression power() {
    Expression left = unary(true);
    while (tokens.isSign("**")) {
      Token sign = tokens.next();
      left = new Expression.Binary(left, "**", unary(true), sign.line());
    }
    return left;
  }

  private Expression unary(boolean filtered) {
    int line = tokens.line();
    Expression value;
    if (tokens.isSign("-") || tokens.isSign("+")) {
      boolean negative = tokens.next().isSign("-");
      tokens.enter();
      value = new Expression.Signed(unary(false), negative, line);
      tokens.leave();
    } else {
      value = primary();
    }
    value = behind(value);
    return filtered ? filters(value) : value;
  }

  /// Parses `|filter`, `is test`, and calls of the result.
  private Expression filters(Expression operand) {
    Expression value = operand;
    while (true) {
      int line = tokens.line();
      if (tokens.isSign("|")) {
        tokens.next();
        value = filter(value);
      } else if (tokens.takeName("is")) {
        value = test(value, line);
      } else if (tokens.isSign("(")) {
        value = new Expression.Call(value, given(), line);
      } else {
        return value;
      }
    }
  }

  /// Parses a filter after its `|`.
  Expression filter(Expression operand) {
    int line = tokens.line();
    String name = dotted();
    Filters.Filter filter = Filters.of(name, dialect);
    if (filter == null) {
      throw new Lexer.Failure(line, "the filter '" + name + "' is not known");
    }
    Expression.Given given = tokens.isSign("(") ? given() : Expression.Given.NOTHING;
    return new Expression.Filtered(operand, filter, given, line);
  }

  private String dotted() {
    StringBuilder name = new StringBuilder(tokens.needName());
    while (tokens.takeSign(".")) {
      name.append('.').append(tokens.needName());
    }
    return name.toString();
  }

  private Expression test(Expression operand, int line) {
    boolean not = tokens.takeName("not");
    String name = dotted();
    Tests.Test test = Tests.of(name);
    if (test == null) {
      throw new Lexer.Failure(line, "the test '" + name + "' is not known");
    }
    Expression.Given given = Expression.Given.NOTHING;
    if (tokens.isSign("(")) {
      given = given();
    } else if (beginsArgument()) {
      if (tokens.isName("is")) {
        throw tokens.wrong("tests cannot be chained by 'is'");
      }
      given = new Expression.Given(List.of(behind(primary())), Map.of(), null, null);
    }
    Expression tested = new Expression.Tested(operand, test, given, line);
    return not ? new Expression.Not(tested) : tested;
  }

  private boolean beginsArgument() {
    return switch (tokens.now().kind()) {
      case NAME -> !tokens.isName("else") && !tokens.isName("or") && !tokens.isName("and");
      case TEXT, INTEGER, FLOAT -> true;
      case SIGN -> tokens.isSign("[") || tokens.isSign("{");
      default -> false;
    };
  }

  private Expression primary() {
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
    Expression value = several(true);
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
      values.add(expression());
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
      Expression key = expression();
      tokens.needSign(":");
      entries.add(new Expression.Entry(key, expression()));
    }
    return new Expression.Mapping(entries);
  }

  /// Parses what directly follows a value: `.name`, `[…]`, `(…)`.
  private Expression behind(Expression operand) {
    Expression value = operand;
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

  private Expression attribute(Expression operand, int line) {
    if (tokens.is(Token.Kind.INTEGER)) {
      return new Expression.Item(operand, new Expression.Constant(integer(tokens.next())), line);
    }
    return new Expression.Attribute(operand, tokens.needName(), line);
  }

  private Expression item(Expression operand, int line) {
    Expression from = tokens.isSign(":") ? null : expression();
    if (tokens.takeSign(":")) {
      Expression to = tokens.isSign(":") || tokens.isSign("]") ? null : expression();
      Expression step = tokens.takeSign(":") && !tokens.isSign("]") ? expression() : null;
      tokens.needSign("]");
      return new Expression.Slice(operand, from, to, step, line);
    }
    tokens.needSign("]");
    if (from == null) {
      throw tokens.wrong("an index is expected between the brackets");
    }
    return new Expression.Item(operand, from, line);
  }

  private Expression.Given given() {
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
        if (named.put(name, expression()) != null) {
          throw tokens.wrong("the argument '" + name + "' is given twice");
        }
      } else {
        if (!named.isEmpty() || rest != null || restNamed != null) {
          throw tokens.wrong("an argument without a name stands behind one with a name");
        }
        positional.add(expression());
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
    return expression();
  }
}
