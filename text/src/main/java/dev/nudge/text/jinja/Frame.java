package dev.nudge.text.jinja;

import dev.nudge.python.Strftime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A scope of variables: the template, a macro, or one loop iteration. Assignments do not leave it.
/// The outermost scope has the global functions.
final class Frame {
  private static final int MOST_RANGE = 100_000; // the limit of jinja2's sandbox

  private static final Map<String, Value> ALL =
      Map.of(
          "range", new Callable("range", Frame::range),
          "namespace", new Callable("namespace", Frame::namespace),
          "dict", new Callable("dict", Frame::dict),
          "raise_exception", new Callable("raise_exception", Frame::raise),
          "strftime_now", new Callable("strftime_now", Frame::now),
          "joiner", unknown("joiner"),
          "cycler", unknown("cycler"),
          "lipsum", unknown("lipsum"));
  private final @Nullable Frame parent;
  private final Budget budget;
  private final Map<String, Value> names;

  private Frame(@Nullable Frame parent, Budget budget, Map<String, Value> names) {
    this.parent = parent;
    this.budget = budget;
    this.names = names;
  }

  static Frame of(Map<String, Value> names, Budget budget) {
    return new Frame(null, budget, new HashMap<>(names));
  }

  Frame inner() {
    return new Frame(this, budget, new HashMap<>(8));
  }

  Budget budget() {
    return budget;
  }

  void set(String name, Value value) {
    names.put(name, value);
  }

  Value get(String name) {
    for (Frame at = this; at != null; at = at.parent) {
      Value value = at.names.get(name);
      if (value != null) {
        return value;
      }
    }
    Value global = of(name);
    return global == null ? Undefined.name(name) : global;
  }

  static @Nullable Value of(String name) {
    return ALL.get(name);
  }

  private static Value unknown(String name) {
    return new Callable(
        name,
        arguments -> {
          throw new Mistake("the function '" + name + "' is not known here");
        });
  }

  private static Value range(Arguments arguments) {
    List<Value> given = arguments.bind("range", "start", "stop", "step").positional();
    if (given.isEmpty()) {
      throw new Mistake("range() needs a number");
    }
    int first = given.size() == 1 ? 0 : Arguments.whole(given.getFirst(), "start");
    int last = Arguments.whole(given.get(given.size() == 1 ? 0 : 1), "stop");
    int step = given.size() < 3 ? 1 : Arguments.whole(given.get(2), "step");
    if (step == 0) {
      throw new Mistake("the step of range() is 0");
    }
    long count = Math.max(0, ((long) last - first + step - Integer.signum(step)) / step);
    if (count > MOST_RANGE) {
      throw new Mistake("a range of more than " + MOST_RANGE + " numbers");
    }
    List<Value> numbers = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      numbers.add(Num.of(first + (long) i * step));
    }
    arguments.budget().elements(count);
    String by = step == 1 ? "" : ", " + step;
    return Items.range(numbers, "range(" + first + ", " + last + by + ")");
  }

  private static Map<Value, Value> pairs(Arguments arguments, String callee) {
    Map<Value, Value> all = new LinkedHashMap<>();
    if (arguments.positional().size() > 1) {
      throw new Mistake(callee + "() takes one argument without a name");
    }
    for (Value from : arguments.positional()) {
      if (from instanceof Dict dict) {
        all.putAll(dict.entries());
        continue;
      }
      for (Value pair : Operators.iterate(from)) {
        List<Value> both = Operators.iterate(pair);
        if (both.size() != 2) {
          throw new Mistake(callee + "() needs pairs");
        }
        all.put(Operators.key(both.get(0)), both.get(1));
      }
    }
    arguments.named().forEach((name, value) -> all.put(Text.of(name), value));
    return all;
  }

  private static Value dict(Arguments arguments) {
    return new Dict(pairs(arguments, "dict"), Origin.TEMPLATE);
  }

  private static Value namespace(Arguments arguments) {
    Namespace made = new Namespace();
    pairs(arguments, "namespace")
        .forEach((name, value) -> made.set(Python.str(name).chars(), value));
    return made;
  }

  private static Value raise(Arguments arguments) {
    Value message = arguments.bind("raise_exception", "message").need("message");
    throw new Mistake("the template refuses: " + Python.str(message).chars());
  }

  private static Value now(Arguments arguments) {
    Text format = arguments.bind("strftime_now", "format").text("format");
    return Text.of(Strftime.format(format.chars(), arguments.budget().now()));
  }
}
