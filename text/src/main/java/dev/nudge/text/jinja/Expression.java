package dev.nudge.text.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A node of an expression's syntax tree, which knows its source line and evaluates itself.
sealed interface Expression {
  Value eval(Frame frame);

  record Constant(Value value) implements Expression {
    @Override
    public Value eval(Frame frame) {
      return value;
    }
  }

  record Name(String name, int line) implements Expression {
    @Override
    public Value eval(Frame frame) {
      frame.budget().step(line);
      return frame.budget().known(frame.get(name));
    }
  }

  record Row(List<Expression> values, boolean isTuple) implements Expression {
    @Override
    public Value eval(Frame frame) {
      List<Value> all = new ArrayList<>(values.size());
      for (Expression value : values) {
        all.add(value.eval(frame));
      }
      return isTuple ? Items.tuple(all) : Items.list(all);
    }
  }

  record Entry(Expression key, Expression value) {}

  record Mapping(List<Entry> entries) implements Expression {
    @Override
    public Value eval(Frame frame) {
      Map<Value, Value> all = new LinkedHashMap<>();
      for (Entry entry : entries) {
        all.put(Operators.key(entry.key().eval(frame)), entry.value().eval(frame));
      }
      return new Dict(all, Origin.TEMPLATE);
    }
  }

  record Attribute(Expression of, String name, int line) implements Expression {
    @Override
    public Value eval(Frame frame) {
      Value value = of.eval(frame);
      frame.budget().step(line);
      Value changing = ContainerMethods.changing(value, name, frame.budget());
      return changing == null
          ? frame.budget().known(MemberAccess.attribute(value, name))
          : changing;
    }
  }

  record Item(Expression of, Expression index, int line) implements Expression {
    @Override
    public Value eval(Frame frame) {
      Value value = of.eval(frame);
      Value at = index.eval(frame);
      frame.budget().step(line);
      return frame.budget().known(MemberAccess.item(value, at));
    }
  }

  record Slice(
      Expression of,
      @Nullable Expression from,
      @Nullable Expression to,
      @Nullable Expression step,
      int line)
      implements Expression {
    @Override
    public Value eval(Frame frame) {
      Value value = of.eval(frame);
      Value first = from == null ? None.NONE : from.eval(frame);
      Value last = to == null ? None.NONE : to.eval(frame);
      Value by = step == null ? None.NONE : step.eval(frame);
      frame.budget().step(line);
      return Operators.of(value, first, last, by, frame.budget());
    }
  }

  record Given(
      List<Expression> positional,
      Map<String, Expression> named,
      @Nullable Expression rest,
      @Nullable Expression restNamed) {
    static final Given NOTHING = new Given(List.of(), Map.of(), null, null);

    Arguments eval(Frame frame) {
      List<Value> values = new ArrayList<>(positional.size());
      for (Expression value : positional) {
        values.add(value.eval(frame));
      }
      if (rest != null) {
        values.addAll(Operators.iterate(rest.eval(frame)));
      }
      Map<String, Value> byName = named.isEmpty() && restNamed == null ? Map.of() : all(frame);
      return new Arguments(frame.budget(), values, byName);
    }

    private Map<String, Value> all(Frame frame) {
      Map<String, Value> byName = new LinkedHashMap<>();
      named.forEach((name, value) -> byName.put(name, value.eval(frame)));
      if (restNamed != null) {
        if (!(restNamed.eval(frame) instanceof Dict dict)) {
          throw new Mistake("what stands behind ** has to be a dict");
        }
        dict.entries().forEach((key, value) -> byName.put(Python.str(key).chars(), value));
      }
      return byName;
    }
  }

  record Call(Expression callee, Given given, int line) implements Expression {
    @Override
    public Value eval(Frame frame) {
      Value function = callee.eval(frame);
      Arguments arguments = given.eval(frame);
      frame.budget().step(line);
      return Operators.call(function, arguments);
    }
  }

  record Filtered(Expression value, Filters.Filter filter, Given given, int line)
      implements Expression {
    @Override
    public Value eval(Frame frame) {
      Value subject = value.eval(frame);
      Arguments arguments = given.eval(frame);
      frame.budget().step(line);
      return frame.budget().known(filter.apply(subject, arguments));
    }
  }

  record Tested(Expression value, Tests.Test test, Given given, int line) implements Expression {
    @Override
    public Value eval(Frame frame) {
      Value subject = value.eval(frame);
      Arguments arguments = given.eval(frame);
      frame.budget().step(line);
      return Num.of(test.holds(subject, arguments));
    }
  }

  record Not(Expression value) implements Expression {
    @Override
    public Value eval(Frame frame) {
      return Num.of(!value.eval(frame).isTrue());
    }
  }

  record And(Expression left, Expression right) implements Expression {
    @Override
    public Value eval(Frame frame) {
      Value value = left.eval(frame);
      return value.isTrue() ? right.eval(frame) : value;
    }
  }

  record Or(Expression left, Expression right) implements Expression {
    @Override
    public Value eval(Frame frame) {
      Value value = left.eval(frame);
      return value.isTrue() ? value : right.eval(frame);
    }
  }

  record Conditional(Expression test, Expression then, @Nullable Expression otherwise, int line)
      implements Expression {
    @Override
    public Value eval(Frame frame) {
      if (test.eval(frame).isTrue()) {
        return then.eval(frame);
      }
      return otherwise == null
          ? new Undefined("the 'if' in line " + line + " is false and has no 'else'")
          : otherwise.eval(frame);
    }
  }

  record Signed(Expression value, boolean negative, int line) implements Expression {
    @Override
    public Value eval(Frame frame) {
      Value number = value.eval(frame);
      frame.budget().step(line);
      return negative
          ? Operators.subtract(Num.of(0), number)
          : Operators.add(Num.of(0), number, frame.budget());
    }
  }

  record Binary(Expression left, String sign, Expression right, int line) implements Expression {
    @Override
    public Value eval(Frame frame) {
      Value a = left.eval(frame);
      Value b = right.eval(frame);
      frame.budget().step(line);
      return switch (sign) {
        case "+" -> Operators.add(a, b, frame.budget());
        case "-" -> Operators.subtract(a, b);
        case "*" -> Operators.multiply(a, b, frame.budget());
        case "/" -> Operators.divide(a, b);
        case "//" -> Operators.floorDivide(a, b);
        case "%" -> Operators.modulo(a, b, frame.budget());
        default -> Operators.power(a, b);
      };
    }
  }

  record Joined(List<Expression> parts, int line) implements Expression {
    @Override
    public Value eval(Frame frame) {
      TextBuilder all = new TextBuilder();
      for (Expression part : parts) {
        all.add(Python.str(part.eval(frame)));
      }
      frame.budget().step(line);
      frame.budget().characters(all.length());
      return all.text();
    }
  }

  record Compared(Expression first, List<String> signs, List<Expression> others, int line)
      implements Expression {
    @Override
    public Value eval(Frame frame) {
      Value left = first.eval(frame);
      for (int i = 0; i < signs.size(); i++) {
        Value right = others.get(i).eval(frame);
        frame.budget().step(line);
        if (!Operators.holds(left, signs.get(i), right)) {
          return Num.FALSE;
        }
        left = right;
      }
      return Num.TRUE;
    }
  }

  /// The output of a block as a value: for `set` and `filter` blocks.
  record Written(List<Statement> body) implements Expression {
    @Override
    public Value eval(Frame frame) {
      return Statement.written(body, frame.inner());
    }
  }
}
