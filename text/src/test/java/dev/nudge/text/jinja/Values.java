package dev.nudge.text.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/// Makes the values of a template of JSON, all of one origin.
final class Values {
  private Values() {}

  static Map<String, Value> names(JsonNode object, long origin) {
    Map<String, Value> names = new LinkedHashMap<>();
    object.properties().forEach(e -> names.put(e.getKey(), of(e.getValue(), origin)));
    return names;
  }

  static Value of(JsonNode node, long origin) {
    if (node.isObject()) {
      Map<Value, Value> entries = new LinkedHashMap<>();
      names(node, origin).forEach((key, value) -> entries.put(Text.of(key, origin), value));
      return new Dict(entries, origin);
    }
    if (node.isArray()) {
      List<Value> values = new ArrayList<>();
      node.forEach(one -> values.add(of(one, origin)));
      return Items.of(values, origin);
    }
    if (node.isString()) {
      return Text.of(node.stringValue(), origin);
    }
    if (node.isBoolean()) {
      return Num.of(node.booleanValue());
    }
    return node.isNull()
        ? None.NONE
        : node.isIntegralNumber() ? Num.of(node.bigIntegerValue()) : Num.of(node.doubleValue());
  }
}
