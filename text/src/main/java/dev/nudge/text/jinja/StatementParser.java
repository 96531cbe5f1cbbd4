package dev.nudge.text.jinja;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// Parses statements: the contents of `{% … %}`.
final class StatementParser {
  private static final Set<String> RESERVED =
      Set.of("true", "false", "none", "True", "False", "None");

  private final TokenCursor tokens;
  private final ExpressionParser expressions;
  private int loops; // loops around this statement

  private StatementParser(List<Token> tokens, Dialect dialect) {
    this.tokens = new TokenCursor(tokens);
    this.expressions = new ExpressionParser(this.tokens, dialect);
  }

  static List<Statement> parse(String source, Dialect dialect) {
    return new StatementParser(Lexer.tokens(source, dialect), dialect)
        .body("the template", 0, Set.of());
  }

  /// Parses up to a block with one of the names, which is not consumed; without names, to the end.
  private List<Statement> body(String block, int line, Set<String> ends) {
    tokens.enter();
    List<Statement> body = new ArrayList<>();
    while (true) {
      Token token = tokens.next();
      switch (token.kind()) {
        case DATA -> body.add(new Statement.Data(Text.of(token.text())));
        case VARIABLE_BEGIN -> {
          Expression value = expressions.several(true);
          tokens.need(Token.Kind.VARIABLE_END);
          body.add(new Statement.Output(value, token.line()));
        }
        case BLOCK_BEGIN -> {
          if (tokens.is(Token.Kind.NAME) && ends.contains(tokens.now().text())) {
            tokens.leave();
            return body;
          }
          body.add(statement());
          tokens.need(Token.Kind.BLOCK_END);
        }
        case END -> {
          if (!ends.isEmpty()) {
            throw new Lexer.Failure(
                line,
                "'%s' is not closed; it ends with %s"
                    .formatted(block, String.join(" or ", ends.stream().sorted().toList())));
          }
          tokens.leave();
          return body;
        }
        default -> throw new Lexer.Failure(token.line(), token.shown() + " is not expected there");
      }
    }
  }

  /// Parses the body after a block's head, up to one of `ends`.
  private List<Statement> inner(String block, int line, Set<String> ends) {
    tokens.takeSign(":");
    tokens.need(Token.Kind.BLOCK_END);
    return body(block, line, ends);
  }

  private List<Statement> only(String block, int line) {
    List<Statement> body = inner(block, line, Set.of("end" + block));
    tokens.next();
    return body;
  }

  private Statement statement() {
    int line = tokens.line();
    String name = tokens.needName();
    return switch (name) {
      case "set" -> set(line);
      case "for" -> loop(line);
      case "if" -> branch(line);
      case "macro" -> new Statement.Define(macro(tokens.needName(), "macro", line));
      case "call" -> call(line);
      case "filter" -> {
        // The body follows the filters, which are applied to its output.
        List<Statement> body = new ArrayList<>();
        Expression value = expressions.filter(new Expression.Written(body));
        while (tokens.takeSign("|")) {
          value = expressions.filter(value);
        }
        body.addAll(only("filter", line));
        yield new Statement.Output(value, line);
      }
      case "with" -> with(line);
      case "generation" -> new Statement.Generation(only("generation", line));
      case "break" -> jump(Statement.End.BREAK, name);
      case "continue" -> jump(Statement.End.CONTINUE, name);
      default -> throw new Lexer.Failure(line, "the statement '" + name + "' is not known here");
    };
  }

  private Statement jump(Statement.End end, String name) {
    if (loops == 0) {
      throw tokens.wrong("'" + name + "' stands in no loop");
    }
    return new Statement.Jump(end);
  }

  private Statement set(int line) {
    Statement.Target target = target(true, true);
    if (tokens.takeSign("=")) {
      return new Statement.Set(target, expressions.several(true), line);
    }
    List<Statement> body = new ArrayList<>();
    Expression value = new Expression.Written(body);
    while (tokens.takeSign("|")) {
      value = expressions.filter(value);
    }
    body.addAll(only("set", line));
    return new Statement.SetBlock(target, value);
  }

  private Statement.Target target(boolean several, boolean attribute) {
    if (!several) {
      return single(attribute);
    }
    Statement.Target first = single(attribute);
    if (!tokens.isSign(",")) {
      return first;
    }
    List<Statement.Target> all = new ArrayList<>(List.of(first));
    while (tokens.takeSign(",")) {
      if (tokens.isName("in") || tokens.isSign(")") || tokens.is(Token.Kind.BLOCK_END)) {
        break;
      }
      all.add(single(attribute));
    }
    return new Statement.Target.Several(all);
  }

  private Statement.Target single(boolean attribute) {
    if (tokens.takeSign("(")) {
      tokens.enter();
      Statement.Target inner = target(true, attribute);
      tokens.needSign(")");
      tokens.leave();
      return inner;
    }
    int line = tokens.line();
    String name = tokens.needName();
    if (attribute && tokens.takeSign(".")) {
      return new Statement.Target.Attribute(name, tokens.needName());
    }
    if (RESERVED.contains(name)) {
      throw new Lexer.Failure(line, "'" + name + "' cannot be set");
    }
    return new Statement.Target.Name(name);
  }

  private Statement loop(int line) {
    Statement.Target target = target(true, false);
    if (!tokens.takeName("in")) {
      throw tokens.wrong("expected 'in', found " + tokens.now().shown());
    }
    Expression values = expressions.several(false);
    Expression test = tokens.takeName("if") ? expressions.expression() : null;
    boolean recursive = tokens.takeName("recursive");
    loops++;
    List<Statement> body = inner("for", line, Set.of("endfor", "else"));
    loops--;
    List<Statement> otherwise =
        tokens.next().isName("else") ? only("for", line) : List.<Statement>of();
    return new Statement.For(target, values, test, recursive, body, otherwise, line);
  }

  private Statement branch(int line) {
    List<Statement.Branch> branches = new ArrayList<>();
    Set<String> ends = Set.of("elif", "else", "endif");
    while (true) {
      Expression test = expressions.several(false);
      branches.add(new Statement.Branch(test, inner("if", line, ends)));
      Token end = tokens.next();
      if (end.isName("else")) {
        return new Statement.If(branches, only("if", line));
      }
      if (end.isName("endif")) {
        return new Statement.If(branches, List.of());
      }
    }
  }

  private Statement.Macro macro(String name, String kind, int line) {
    List<String> parameters = new ArrayList<>();
    List<Expression> defaults = new ArrayList<>();
    if (kind.equals("macro") || tokens.isSign("(")) {
      tokens.needSign("(");
      while (!tokens.takeSign(")")) {
        if (!parameters.isEmpty()) {
          tokens.needSign(",");
        }
        parameters.add(tokens.needName());
        if (tokens.takeSign("=")) {
          defaults.add(expressions.expression());
        } else if (!defaults.isEmpty()) {
          throw tokens.wrong("a parameter without a default stands behind one with a default");
        }
      }
    }
    return kind.equals("macro")
        ? macro(name, parameters, defaults, kind, line)
        : new Statement.Macro(name, parameters, defaults, List.of(), List.of(), line);
  }

  private Statement.Macro macro(
      String name, List<String> parameters, List<Expression> defaults, String kind, int line) {
    Set<String> own = new HashSet<>();
    Set<String> before = expressions.watch(own);
    int outside = loops;
    loops = 0;
    List<Statement> body = only(kind, line);
    loops = outside;
    expressions.watch(before);
    before.addAll(own);
    return new Statement.Macro(name, parameters, defaults, body, List.copyOf(own), line);
  }

  private Statement call(int line) {
    Statement.Macro head = macro("caller", "call", line);
    if (!(expressions.expression() instanceof Expression.Call call)) {
      throw new Lexer.Failure(line, "'call' needs a call behind it");
    }
    Statement.Macro caller = macro("caller", head.parameters(), head.defaults(), "call", line);
    return new Statement.CallBlock(call, caller, line);
  }

  private Statement with(int line) {
    List<Statement.Target> targets = new ArrayList<>();
    List<Expression> values = new ArrayList<>();
    while (!tokens.is(Token.Kind.BLOCK_END)) {
      if (!targets.isEmpty()) {
        tokens.needSign(",");
      }
      targets.add(target(false, false));
      tokens.needSign("=");
      values.add(expressions.expression());
    }
    return new Statement.With(targets, values, only("with", line));
  }
}
