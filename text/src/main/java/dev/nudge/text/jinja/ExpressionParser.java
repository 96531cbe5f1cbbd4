package dev.nudge.text.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Parses expressions by jinja2's grammar, with a method for each level of precedence.
final class ExpressionParser {
  private static final Set<String> ORDER = Set.of("==", "!=", "<", "<=", ">", ">=");

  private final TokenCursor tokens;
  private final ValueParser values;
  private final Dialect dialect;

  ExpressionParser(TokenCursor tokens, Dialect dialect) {
    this.tokens = tokens;
    this.dialect = dialect;
    this.values = new ValueParser(tokens, this);
  }

  /// The names that expressions use from here on; returns those before.
  Set<String> watch(Set<String> names) {
    return values.watch(names);
  }

  /// `a` or `a, b`; of a loop's values without an `if` behind.
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
      value = values.primary();
    }
    value = values.behind(value);
    return filtered ? filters(value) : value;
  }

  /// `|filter`, `is test`, and calls of what comes out.
  private Expression filters(Expression of) {
    Expression value = of;
    while (true) {
      int line = tokens.line();
      if (tokens.isSign("|")) {
        tokens.next();
        value = filter(value);
      } else if (tokens.takeName("is")) {
        value = test(value, line);
      } else if (tokens.isSign("(")) {
        value = new Expression.Call(value, values.given(), line);
      } else {
        return value;
      }
    }
  }

  /// A filter, behind its bar.
  Expression filter(Expression of) {
    int line = tokens.line();
    String name = dotted();
    Filters.Filter filter = Filters.of(name, dialect);
    if (filter == null) {
      throw new Lexer.Failure(line, "the filter '" + name + "' is not known");
    }
    Expression.Given given = tokens.isSign("(") ? values.given() : Expression.Given.NOTHING;
    return new Expression.Filtered(of, filter, given, line);
  }

  private String dotted() {
    StringBuilder name = new StringBuilder(tokens.needName());
    while (tokens.takeSign(".")) {
      name.append('.').append(tokens.needName());
    }
    return name.toString();
  }

  private Expression test(Expression of, int line) {
    boolean not = tokens.takeName("not");
    String name = dotted();
    Tests.Test test = Tests.of(name);
    if (test == null) {
      throw new Lexer.Failure(line, "the test '" + name + "' is not known");
    }
    Expression.Given given = Expression.Given.NOTHING;
    if (tokens.isSign("(")) {
      given = values.given();
    } else if (beginsArgument()) {
      if (tokens.isName("is")) {
        throw tokens.wrong("tests cannot be chained by 'is'");
      }
      given = new Expression.Given(List.of(values.behind(values.primary())), Map.of(), null, null);
    }
    Expression tested = new Expression.Tested(of, test, given, line);
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
}
