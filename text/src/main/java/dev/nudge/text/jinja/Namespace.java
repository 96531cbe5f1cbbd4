package dev.nudge.text.jinja;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A `namespace()`, the one value that a template can change: `{% set ns.x = … %}`.
final class Namespace implements Value {
  private final Map<String, Value> attributes = new LinkedHashMap<>();

  @Nullable Value get(String name) {
    return attributes.get(name);
  }

  void set(String name, Value value) {
    if (name.startsWith("_")) {
      throw new Mistake("a namespace takes no name that begins with '_': '" + name + "'");
    }
    attributes.put(name, value);
  }

  @Override
  public String type() {
    return "namespace";
  }

  @Override
  public boolean isTrue() {
    return true;
  }
}
