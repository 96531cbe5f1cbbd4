package dev.nudge.text.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A `macro`, or the body of a `call` block.
///
/// @param defaults default values of the last parameters
/// @param uses which of `varargs`, `kwargs` and `caller` its body names, and so accepts
record Macro(
    String name,
    List<String> parameters,
    List<Expression> defaults,
    List<Statement> body,
    List<String> uses,
    int line) {

  /// The macro as a value; what its body does not set itself is of the scope that defines it.
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
