package dev.nudge.text.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/// Converts JSON to template values, and prints JSON as Python prints the parsed object.
public final class PythonValues {
  private PythonValues() {}

  /// Returns the entries of a JSON object as template variables.
  public static Map<String, Value> names(JsonNode object) {
    Map<String, Value> names = new LinkedHashMap<>();
    object.properties().forEach(e -> names.put(e.getKey(), of(e.getValue())));
    return names;
  }

  /// Converts a JSON value to a template value.
  public static Value of(JsonNode node) {
    if (node.isString()) {
      return Text.of(node.stringValue());
    }
    if (node.isObject()) {
      Map<Value, Value> entries = new LinkedHashMap<>();
      names(node).forEach((key, value) -> entries.put(Text.of(key), value));
      return new Dict(entries, Origin.TEMPLATE);
    }
    if (node.isArray()) {
      List<Value> values = new ArrayList<>(node.size());
      node.forEach(one -> values.add(of(one)));
      return Items.of(values, Origin.TEMPLATE);
    }
    if (node.isBoolean()) {
      return Num.of(node.booleanValue());
    }
    if (node.isIntegralNumber()) {
      return Num.of(node.bigIntegerValue());
    }
    return node.isNumber() ? Num.of(node.doubleValue()) : None.NONE;
  }

  /// Prints a JSON value as Python's `str` prints it.
  public static String str(JsonNode node) {
    return Python.str(of(node)).chars();
  }
}
