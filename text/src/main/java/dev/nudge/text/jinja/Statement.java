package dev.nudge.text.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A node of a template's syntax tree that writes output or controls what is written.
sealed interface Statement {
  /// How a statement ended.
  enum End {
    PLAIN,
    BREAK,
    CONTINUE
  }

  End run(Frame frame, TextBuilder out);

  /// Runs statements up to a `break` or `continue`.
  static End all(List<Statement> body, Frame frame, TextBuilder out) {
    for (Statement statement : body) {
      End end = statement.run(frame, out);
      if (end != End.PLAIN) {
        return end;
      }
    }
    return End.PLAIN;
  }

  /// Runs statements and returns their output.
  static Text written(List<Statement> body, Frame frame) {
    TextBuilder out = new TextBuilder();
    all(body, frame, out);
    return out.text();
  }

  record Data(Text text) implements Statement {
    @Override
    public End run(Frame frame, TextBuilder out) {
      out.add(text);
      frame.budget().grown(out.length(), text.chars().length());
      return End.PLAIN;
    }
  }

  record Output(Expression value, int line) implements Statement {
    @Override
    public End run(Frame frame, TextBuilder out) {
      Value result = value.eval(frame);
      frame.budget().step(line);
      Text text = Python.str(result);
      out.add(text);
      frame.budget().grown(out.length(), text.chars().length());
      return End.PLAIN;
    }
  }

  record Branch(Expression test, List<Statement> body) {}

  record If(List<Branch> branches, List<Statement> otherwise) implements Statement {
    @Override
    public End run(Frame frame, TextBuilder out) {
      for (Branch branch : branches) {
        if (branch.test().eval(frame).isTrue()) {
          return all(branch.body(), frame, out);
        }
      }
      return all(otherwise, frame, out);
    }
  }

  record For(
      Target target,
      Expression values,
      @Nullable Expression test,
      boolean recursive,
      List<Statement> body,
      List<Statement> otherwise,
      int line)
      implements Statement {
    @Override
    public End run(Frame frame, TextBuilder out) {
      go(values.eval(frame), frame, out, 0);
      return End.PLAIN;
    }

    private void go(Value over, Frame frame, TextBuilder out, int depth) {
      frame.budget().step(line);
      List<Value> all = chosen(Operators.iterate(over), frame);
      Loop loop = new Loop(all, depth);
      Value shown = loop.value(arguments -> again(arguments, frame, depth));
      for (int i = 0; i < all.size(); i++) {
        frame.budget().step(line);
        loop.moveTo(i);
        Frame inner = frame.inner();
        inner.set("loop", shown);
        target.set(all.get(i), inner);
        if (Statement.all(body, inner, out) == End.BREAK) {
          break;
        }
      }
      if (all.isEmpty()) {
        Statement.all(otherwise, frame.inner(), out);
      }
    }

    private List<Value> chosen(List<Value> all, Frame frame) {
      if (test == null) {
        return all;
      }
      List<Value> chosen = new ArrayList<>();
      for (Value value : all) {
        Frame inner = frame.inner();
        target.set(value, inner);
        if (test.eval(inner).isTrue()) {
          chosen.add(value);
        }
      }
      return chosen;
    }

    private Value again(Arguments arguments, Frame frame, int depth) {
      if (!recursive) {
        throw new Mistake("loop() needs 'recursive' at the end of its 'for'");
      }
      Value over = arguments.bind("loop", "iterable").need("iterable");
      TextBuilder out = new TextBuilder();
      frame.budget().enter();
      go(over, frame, out, depth + 1);
      frame.budget().leave();
      return out.text();
    }
  }

  record Set(Target target, Expression value, int line) implements Statement {
    @Override
    public End run(Frame frame, TextBuilder out) {
      Value result = value.eval(frame);
      frame.budget().step(line);
      target.set(result, frame);
      return End.PLAIN;
    }
  }

  /// `{% set x %}…{% endset %}`; [#value] includes its filters.
  record SetBlock(Target target, Expression value) implements Statement {
    @Override
    public End run(Frame frame, TextBuilder out) {
      target.set(value.eval(frame), frame);
      return End.PLAIN;
    }
  }

  record Define(Macro macro) implements Statement {
    @Override
    public End run(Frame frame, TextBuilder out) {
      frame.set(macro.name(), macro.in(frame));
      return End.PLAIN;
    }
  }

  record CallBlock(Expression.Call call, Macro caller, int line) implements Statement {
    @Override
    public End run(Frame frame, TextBuilder out) {
      Value callee = call.callee().eval(frame);
      Arguments given = call.given().eval(frame);
      frame.budget().step(line);
      Map<String, Value> named = new LinkedHashMap<>(given.named());
      named.put("caller", caller.in(frame));
      out.add(
          Python.str(
              Operators.call(callee, new Arguments(frame.budget(), given.positional(), named))));
      return End.PLAIN;
    }
  }

  record With(List<Target> targets, List<Expression> values, List<Statement> body)
      implements Statement {
    @Override
    public End run(Frame frame, TextBuilder out) {
      Frame inner = frame.inner();
      for (int i = 0; i < targets.size(); i++) {
        targets.get(i).set(values.get(i).eval(frame), inner);
      }
      return all(body, inner, out);
    }
  }

  record Generation(List<Statement> body) implements Statement {
    @Override
    public End run(Frame frame, TextBuilder out) {
      int block = frame.budget().nextBlock();
      out.addWithin(written(body, frame.inner()), block);
      return End.PLAIN;
    }
  }

  record Jump(End end) implements Statement {
    @Override
    public End run(Frame frame, TextBuilder out) {
      return end;
    }
  }

  /// The target of an assignment: a name, an attribute of a namespace, or several of them.
  sealed interface Target {
    void set(Value value, Frame frame);

    record Name(String name) implements Target {
      @Override
      public void set(Value value, Frame frame) {
        frame.set(name, value);
      }
    }

    record Attribute(String namespace, String name) implements Target {
      @Override
      public void set(Value value, Frame frame) {
        if (!(frame.get(namespace) instanceof Namespace space)) {
          throw new Mistake("'" + namespace + "' is no namespace(), so it has no '." + name + "'");
        }
        space.set(name, value);
      }
    }

    record Several(List<Target> targets) implements Target {
      @Override
      public void set(Value value, Frame frame) {
        if (value instanceof Num || value instanceof None) {
          throw new Mistake("a " + value.type() + " cannot be taken apart");
        }
        List<Value> values = Operators.iterate(value);
        if (values.size() != targets.size()) {
          throw new Mistake("%d values for %d names".formatted(values.size(), targets.size()));
        }
        for (int i = 0; i < values.size(); i++) {
          targets.get(i).set(values.get(i), frame);
        }
      }
    }
  }

  /// A `macro`, or the body of a `call` block.
  ///
  /// @param defaults default values of the last parameters
  /// @param uses which of `varargs`, `kwargs` and `caller` its body uses; only those are accepted
  record Macro(
      String name,
      List<String> parameters,
      List<Expression> defaults,
      List<Statement> body,
      List<String> uses,
      int line) {

    /// Returns the macro as a value; its body sees the variables of the defining scope.
    Value in(Frame outer) {
      return new Callable(name, arguments -> call(arguments, outer), this::attribute);
    }

    private @Nullable Value attribute(String attribute) {
      return attribute.equals("name") ? Text.of(name) : null;
    }

    private Value call(Arguments given, Frame outer) {
      Budget budget = outer.budget();
      Frame frame = outer.inner();
      List<Value> positional = given.positional();
      Map<String, Value> named = new LinkedHashMap<>(given.named());
      int missing = parameters.size() - defaults.size();
      List<Integer> byDefault = new ArrayList<>();
      for (int i = 0; i < parameters.size(); i++) {
        String parameter = parameters.get(i);
        Value byName = named.remove(parameter);
        if (i < positional.size()) {
          if (byName != null) {
            throw new Mistake(name + "() is given '" + parameter + "' twice");
          }
          frame.set(parameter, positional.get(i));
        } else if (byName != null) {
          frame.set(parameter, byName);
        } else {
          frame.set(parameter, new Undefined("the parameter '" + parameter + "' was not given"));
          byDefault.add(i);
        }
      }
      for (int i : byDefault) {
        if (i >= missing) {
          frame.set(parameters.get(i), defaults.get(i - missing).eval(frame));
        }
      }
      rest(positional, named, frame);
      budget.enter();
      Text text = Statement.written(body, frame);
      budget.leave();
      budget.step(line);
      return budget.made(text);
    }

    private void rest(List<Value> positional, Map<String, Value> named, Frame frame) {
      if (uses.contains("caller")) {
        Value caller = named.remove("caller");
        frame.set("caller", caller == null ? new Undefined("No caller defined") : caller);
      }
      if (uses.contains("kwargs")) {
        Map<Value, Value> all = new LinkedHashMap<>();
        named.forEach((key, value) -> all.put(Text.of(key), value));
        frame.set("kwargs", new Dict(all, Origin.TEMPLATE));
      } else if (!named.isEmpty()) {
        throw new Mistake(name + "() takes no argument '" + named.keySet().iterator().next() + "'");
      }
      int more = Math.min(parameters.size(), positional.size());
      if (uses.contains("varargs")) {
        frame.set("varargs", Items.tuple(positional.subList(more, positional.size())));
      } else if (positional.size() > parameters.size()) {
        throw new Mistake(
            "%s() takes %d arguments at most and is given %d"
                .formatted(name, parameters.size(), positional.size()));
      }
    }
  }

  /// The variable `loop` of a `for`: its position and, if recursive, the loop itself as a function.
  final class Loop {
    private final List<Value> values;
    private final int depth;
    private int at;
    private @Nullable List<Value> changed;

    Loop(List<Value> values, int depth) {
      this.values = values;
      this.depth = depth;
    }

    void moveTo(int index) {
      at = index;
    }

    Value value(Callable.Function again) {
      return new Callable("loop", again, this::attribute);
    }

    private @Nullable Value attribute(String name) {
      int count = values.size();
      return switch (name) {
        case "index" -> Num.of(at + 1);
        case "index0" -> Num.of(at);
        case "revindex" -> Num.of(count - at);
        case "revindex0" -> Num.of(count - at - 1);
        case "first" -> Num.of(at == 0);
        case "last" -> Num.of(at == count - 1);
        case "length" -> Num.of(count);
        case "depth" -> Num.of(depth + 1);
        case "depth0" -> Num.of(depth);
        case "previtem" ->
            at == 0 ? new Undefined("there is no previous item") : values.get(at - 1);
        case "nextitem" ->
            at == count - 1 ? new Undefined("there is no next item") : values.get(at + 1);
        case "cycle" -> new Callable("loop.cycle", this::cycle);
        case "changed" -> new Callable("loop.changed", this::changed);
        default -> null;
      };
    }

    private Value cycle(Arguments arguments) {
      List<Value> given = arguments.positional();
      if (given.isEmpty()) {
        throw new Mistake("loop.cycle() needs a value");
      }
      return given.get(at % given.size());
    }

    private Value changed(Arguments arguments) {
      boolean same = arguments.positional().equals(changed);
      changed = arguments.positional();
      return Num.of(!same);
    }
  }
}
