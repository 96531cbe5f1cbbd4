package dev.nudge.constrain;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Equality and intersection of the JSON values that a schema names.
final class Values {
  private Values() {}

  /// Whether JSON Schema calls two values equal: numbers by value, objects in any order.
  static boolean same(JsonNode a, JsonNode b) {
    return key(a).equals(key(b));
  }

  /// Returns the values that both lists contain, without duplicates.
  ///
  /// @param a null: any value is allowed, so the result is `b`
  static List<JsonNode> both(@Nullable List<JsonNode> a, List<JsonNode> b) {
    Set<Object> keysA = a == null ? null : a.stream().map(Values::key).collect(Collectors.toSet());
    Set<Object> known = new HashSet<>();
    List<JsonNode> all = new ArrayList<>();
    for (JsonNode value : b) {
      Object key = key(value);
      if ((keysA == null || keysA.contains(key)) && known.add(key)) {
        all.add(value);
      }
    }
    return List.copyOf(all);
  }

  /// Returns a key that is equal for values that JSON Schema calls equal.
  private static Object key(JsonNode value) {
    Work.add(1);
    if (value.isNumber()) {
      return value.decimalValue().stripTrailingZeros();
    }
    if (value.isArray()) {
      return value.values().stream().map(Values::key).toList();
    }
    return value.isObject()
        ? value.properties().stream()
            .collect(Collectors.toMap(Map.Entry::getKey, p -> key(p.getValue())))
        : value;
  }
}
