package dev.nudge.python;

import java.math.BigInteger;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Writes JSON as Python's `json.dumps` does, byte for byte.
///
/// So Java and Python write the same config as the same file: non-ASCII as `\\uXXXX`, empty lists
/// and objects on one line, floats as the shortest text that parses to the same float (`1e-05`,
/// `0.1`, `1e+16`).
public final class PythonJson {
  private final StringBuilder out = new StringBuilder();
  private final boolean indented;
  private final boolean escaped;

  /// @param escaped whether to write non-ASCII as `\\uXXXX`
  private PythonJson(boolean indented, boolean escaped) {
    this.indented = indented;
    this.escaped = escaped;
  }

  /// Writes maps, lists, strings, integers, doubles, booleans and null, indented by two.
  public static String write(@Nullable Object value) {
    return write(value, true);
  }

  /// Writes a value as [#write] does, on one line.
  public static String line(@Nullable Object value) {
    return write(value, false);
  }

  /// Writes a tree indented by two, with non-ASCII unescaped: `ensure_ascii=False`.
  public static String unescaped(JsonNode tree) {
    PythonJson json = new PythonJson(true, false);
    json.value(tree, 0);
    return json.out.toString();
  }

  private static String write(@Nullable Object value, boolean indented) {
    PythonJson json = new PythonJson(indented, true);
    json.value(value, 0);
    return json.out.toString();
  }

  private void value(@Nullable Object value, int depth) {
    switch (value) {
      case null -> out.append("null");
      case Boolean b -> out.append(b);
      case Integer i -> out.append(i);
      case Long l -> out.append(l);
      case BigInteger i -> out.append(i);
      case Double d -> out.append(number(d));
      case String s -> string(s);
      case JsonNode tree -> tree(tree, depth);
      case Map<?, ?> map -> object(map, depth);
      case List<?> list -> array(list, depth);
      default -> throw new IllegalArgumentException("cannot be written: " + value.getClass());
    }
  }

  private void tree(JsonNode tree, int depth) {
    if (tree.isObject()) {
      Map<String, JsonNode> map = new LinkedHashMap<>();
      tree.properties().forEach(entry -> map.put(entry.getKey(), entry.getValue()));
      object(map, depth);
    } else if (tree.isArray()) {
      array(tree.valueStream().toList(), depth);
    } else if (tree.isString()) {
      string(tree.stringValue());
    } else if (tree.isNumber()) {
      out.append(
          tree.isIntegralNumber() ? tree.bigIntegerValue().toString() : number(tree.doubleValue()));
    } else {
      out.append(tree.isNull() ? "null" : tree.toString());
    }
  }

  private void object(Map<?, ?> map, int depth) {
    out.append('{');
    String comma = "";
    for (Map.Entry<?, ?> entry : map.entrySet()) {
      out.append(comma);
      line(depth + 1);
      string(String.valueOf(entry.getKey()));
      out.append(": ");
      value(entry.getValue(), depth + 1);
      comma = indented ? "," : ", ";
    }
    if (!map.isEmpty()) {
      line(depth);
    }
    out.append('}');
  }

  private void array(List<?> list, int depth) {
    out.append('[');
    String comma = "";
    for (Object element : list) {
      out.append(comma);
      line(depth + 1);
      value(element, depth + 1);
      comma = indented ? "," : ", ";
    }
    if (!list.isEmpty()) {
      line(depth);
    }
    out.append(']');
  }

  private void line(int depth) {
    if (indented) {
      out.append('\n').repeat("  ", depth);
    }
  }

  private void string(String text) {
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"', '\\' -> out.append('\\').append(c);
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\b' -> out.append("\\b");
        case '\f' -> out.append("\\f");
        default -> {
          if (c < ' ' || escaped && c > '~') {
            out.append("\\u%04x".formatted((int) c));
          } else {
            out.append(c);
          }
        }
      }
    }
    out.append('"');
  }

  private static String number(double value) {
    if (!Double.isFinite(value)) {
      throw new IllegalArgumentException("cannot be written: " + value);
    }
    return PythonFloat.repr(value);
  }
}
