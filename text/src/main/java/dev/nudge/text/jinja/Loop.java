package dev.nudge.text.jinja;

import java.util.List;
import org.jspecify.annotations.Nullable;

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
      case "previtem" -> at == 0 ? new Undefined("there is no previous item") : values.get(at - 1);
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
