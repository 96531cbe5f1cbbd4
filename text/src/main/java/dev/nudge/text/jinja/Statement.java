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

  /// What statements write.
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

  /// `{% set x %}…{% endset %}`; a filter of it is around [#value].
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
}
