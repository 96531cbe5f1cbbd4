package dev.nudge.text.jinja;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A scope of variables: the template, a macro, or one loop iteration. Assignments do not leave it.
final class Frame {
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
    Value global = Globals.of(name);
    return global == null ? Undefined.name(name) : global;
  }
}
