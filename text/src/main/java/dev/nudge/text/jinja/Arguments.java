package dev.nudge.text.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The positional and keyword arguments of a call.
final class Arguments {
  private final Budget budget;
  private final List<Value> positional;
  private final Map<String, Value> named;

  Arguments(Budget budget, List<Value> positional, Map<String, Value> named) {
    this.budget = budget;
    this.positional = positional;
    this.named = named;
  }

  Budget budget() {
    return budget;
  }

  List<Value> positional() {
    return positional;
  }

  Map<String, Value> named() {
    return named;
  }

  /// Binds the arguments to the callee's parameter names; others are refused.
  Arguments bind(String callee, String... names) {
    if (positional.size() > names.length) {
      throw new Mistake(
          "%s takes %d arguments at most and is given %d"
              .formatted(callee, names.length, positional.size()));
    }
    Map<String, Value> bound = new LinkedHashMap<>();
    for (int i = 0; i < positional.size(); i++) {
      bound.put(names[i], positional.get(i));
    }
    for (Map.Entry<String, Value> entry : named.entrySet()) {
      if (!List.of(names).contains(entry.getKey())) {
        throw new Mistake(callee + " takes no argument '" + entry.getKey() + "'");
      }
      if (bound.put(entry.getKey(), entry.getValue()) != null) {
        throw new Mistake(callee + " is given '" + entry.getKey() + "' twice");
      }
    }
    return new Arguments(budget, positional, bound);
  }

  @Nullable Value get(String name) {
    return named.get(name);
  }

  Value need(String name) {
    Value value = named.get(name);
    if (value == null) {
      throw new Mistake("the argument '" + name + "' is missing");
    }
    return value;
  }

  Value get(String name, Value otherwise) {
    return named.getOrDefault(name, otherwise);
  }

  boolean is(String name, boolean otherwise) {
    Value value = named.get(name);
    return value == null ? otherwise : value.isTrue();
  }

  int whole(String name, int otherwise) {
    Value value = named.get(name);
    return value == null || value == None.NONE ? otherwise : whole(value, name);
  }

  static int whole(Value value, String name) {
    if (value instanceof Num num && num.isWhole()) {
      return num.index();
    }
    throw new Mistake("'" + name + "' is a " + value.type() + " and has to be an integer");
  }

  /// Returns a required argument that must be a text.
  Text text(String name) {
    return text(need(name), name);
  }

  @Nullable Text textOrNull(String name) {
    Value value = named.get(name);
    return value == null || value == None.NONE ? null : text(value, name);
  }

  private static Text text(Value value, String name) {
    if (value instanceof Text text) {
      return text;
    }
    if (value instanceof Undefined undefined) {
      throw Mistake.missing(undefined);
    }
    throw new Mistake("'" + name + "' is a " + value.type() + " and has to be a text");
  }

  /// Returns the arguments without the first few positional ones.
  Arguments from(int first) {
    return new Arguments(
        budget, new ArrayList<>(positional.subList(first, positional.size())), named);
  }
}
