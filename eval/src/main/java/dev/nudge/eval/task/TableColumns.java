package dev.nudge.eval.task;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.NullNode;
import tools.jackson.databind.node.ObjectNode;

/// Unifies the columns of JSON rows as `datasets` 5 does: in order of first appearance, null for a
/// missing value, floats for a column of ints and floats. Nested objects with different keys stay
/// unchanged, and so do columns that mix objects or lists with other types.
final class TableColumns {
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  private TableColumns() {}

  static Documents of(List<JsonNode> rows) {
    Shape shape = new Shape();
    rows.forEach(shape::see);
    shape.mixed = false; // rows may lack a column
    List<JsonNode> even = new ArrayList<>(rows.size());
    rows.forEach(row -> even.add(shape.even(row)));
    return new Documents(even, List.copyOf(shape.keys.keySet()));
  }

  /// The value types seen in one column.
  private static final class Shape {
    final Map<String, Shape> keys = new LinkedHashMap<>();
    private @Nullable Shape elements;
    private boolean real;
    private boolean number;
    private boolean other; // a text or a boolean
    private boolean mixed;
    private @Nullable Set<String> first; // the keys of the first object

    void see(JsonNode value) {
      if (value.isObject()) {
        Set<String> own = Set.copyOf(value.propertyNames());
        first = first == null ? own : first;
        mixed |= own.isEmpty() || !own.equals(first);
        value
            .properties()
            .forEach(e -> keys.computeIfAbsent(e.getKey(), k -> new Shape()).see(e.getValue()));
      } else if (value.isArray()) {
        Shape inner = elements == null ? new Shape() : elements;
        elements = inner;
        value.forEach(inner::see);
      } else {
        real |= value.isFloatingPointNumber();
        number |= value.isNumber();
        other |= !value.isNumber() && !value.isNull();
      }
      int kinds = (first == null ? 0 : 1) + (elements == null ? 0 : 1) + (number || other ? 1 : 0);
      mixed |= kinds > 1 || real && other;
    }

    JsonNode even(JsonNode value) {
      if (mixed) {
        return value;
      }
      if (value.isObject()) {
        ObjectNode all = NODES.objectNode();
        keys.forEach(
            (key, shape) ->
                all.set(key, value.has(key) ? shape.even(value.path(key)) : NullNode.instance));
        return all;
      }
      if (value.isArray() && elements != null) {
        ArrayNode all = NODES.arrayNode();
        Shape inner = elements;
        value.forEach(one -> all.add(inner.even(one)));
        return all;
      }
      return real && value.isIntegralNumber() ? NODES.numberNode(value.doubleValue()) : value;
    }
  }
}
