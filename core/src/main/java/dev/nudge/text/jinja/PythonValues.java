package dev.nudge.text.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/// Makes values of JSON, and prints JSON as Python prints what it becomes there.
public final class PythonValues {
  private PythonValues() {}

  /// The entries of an object as what the names of a template stand for.
  public static Map<String, Value> names(JsonNode object) {
    Map<String, Value> names = new LinkedHashMap<>();
    object.properties().forEach(e -> names.put(e.getKey(), of(e.getValue())));
    return names;
  }

  /// Makes a value.
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

  /// Python's `str` of it.
  public static String str(JsonNode node) {
    return Python.str(of(node)).chars();
  }
}
