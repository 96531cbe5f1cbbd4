package dev.nudge.constrain;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Equality and intersection of the JSON values that a schema names.
final class Values {
  private Values() {}

  /// Whether JSON Schema calls two values equal: numbers by value, objects in any order.
  static boolean same(JsonNode a, JsonNode b) {
    if (a.isNumber() && b.isNumber()) {
      return a.decimalValue().compareTo(b.decimalValue()) == 0;
    }
    if (a.getNodeType() != b.getNodeType() || a.size() != b.size()) {
      return false;
    }
    if (a.isArray()) {
      for (int i = 0; i < a.size(); i++) {
        if (!same(a.get(i), b.get(i))) {
          return false;
        }
      }
      return true;
    }
    if (a.isObject()) {
      for (Map.Entry<String, JsonNode> property : a.properties()) {
        JsonNode other = b.get(property.getKey());
        if (other == null || !same(property.getValue(), other)) {
          return false;
        }
      }
      return true;
    }
    return a.equals(b);
  }

  /// The values of both lists, each once.
  ///
  /// @param a null for any value
  static List<JsonNode> both(@Nullable List<JsonNode> a, List<JsonNode> b) {
    List<JsonNode> all = new ArrayList<>();
    for (JsonNode value : b) {
      boolean known = all.stream().anyMatch(v -> same(v, value));
      if (!known && (a == null || a.stream().anyMatch(v -> same(v, value)))) {
        all.add(value);
      }
    }
    return List.copyOf(all);
  }
}
