package dev.nudge.quant;

import dev.nudge.format.ConfigJson;
import dev.nudge.settings.InputException;
import dev.nudge.settings.PythonRegex;
import java.util.LinkedHashMap;
import java.util.Map;

/// The schemes of a folder's layers: a default, and overrides for layers whose path an expression
/// matches (Python's `re.match`). The first match counts.
record Schemes(Scheme all, Map<String, Scheme> others) {
  static final Schemes UNKNOWN = new Schemes(Scheme.UNKNOWN, Map.of());

  /// Whether a config sets a field.
  boolean said() {
    return !equals(UNKNOWN);
  }

  /// The scheme of a layer.
  Scheme of(String path) {
    for (Map.Entry<String, Scheme> other : others.entrySet()) {
      if (PythonRegex.match(other.getKey()).test(path)) {
        return other.getValue().over(all);
      }
    }
    return all;
  }

  /// Reads the scheme of all layers, and the overrides in an object of expressions under `key`:
  /// `dynamic` of GPTQModel, whose `-:` marks dense layers and `+:` has no effect, or
  /// `extra_config` of AutoRound.
  static Schemes of(ConfigJson q, String key) {
    Map<String, Scheme> others = new LinkedHashMap<>();
    ConfigJson overrides = q.object(key);
    if (overrides != null) {
      for (String expression : overrides.plain().keySet()) {
        ConfigJson values = overrides.object(expression);
        if (values != null && !expression.startsWith("-:")) {
          others.put(checked(q, expression.replaceFirst("^\\+:", "")), Scheme.of(values));
        }
      }
    }
    return new Schemes(Scheme.of(q), others);
  }

  /// Returns the expression.
  ///
  /// @throws dev.nudge.settings.InputException if invalid
  static String checked(ConfigJson q, String expression) {
    try {
      PythonRegex.compile(expression);
      return expression;
    } catch (InputException e) {
      throw q.refuse("has " + ConfigJson.quote(expression) + ", which is no regular expression");
    }
  }
}
