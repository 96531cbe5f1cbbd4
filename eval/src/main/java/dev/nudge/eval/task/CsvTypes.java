package dev.nudge.eval.task;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.BooleanNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.NullNode;
import tools.jackson.databind.node.ObjectNode;

/// Infers CSV column types as pandas does: int, float, bool, else string; missing values are null,
/// and turn a column of ints into floats.
final class CsvTypes {
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;
  private static final Set<String> MISSING =
      Set.of(
          "",
          "#N/A",
          "#N/A N/A",
          "#NA",
          "-1.#IND",
          "-1.#QNAN",
          "-NaN",
          "-nan",
          "1.#IND",
          "1.#QNAN",
          "<NA>",
          "N/A",
          "NA",
          "NULL",
          "NaN",
          "None",
          "n/a",
          "nan",
          "null");
  private static final Pattern WHOLE = Pattern.compile("\\s*[-+]?\\d{1,18}\\s*");
  private static final Pattern REAL =
      Pattern.compile("\\s*[-+]?(\\d+\\.?\\d*|\\.\\d+)([eE][-+]?\\d+)?\\s*");
  private static final Set<String> TRUE = Set.of("True", "TRUE", "true");
  private static final Set<String> FALSE = Set.of("False", "FALSE", "false");

  private enum Type {
    WHOLE,
    REAL,
    BOOLEAN,
    TEXT
  }

  private CsvTypes() {}

  static List<JsonNode> of(List<JsonNode> rows) {
    Map<String, Type> types = new LinkedHashMap<>();
    if (!rows.isEmpty()) {
      rows.getFirst().propertyNames().forEach(name -> types.put(name, type(rows, name)));
    }
    List<JsonNode> typed = new ArrayList<>(rows.size());
    for (JsonNode row : rows) {
      ObjectNode all = NODES.objectNode();
      types.forEach((name, type) -> all.set(name, value(row.path(name).asString(""), type)));
      typed.add(all);
    }
    return typed;
  }

  private static Type type(List<JsonNode> rows, String name) {
    boolean missing = false;
    boolean whole = true;
    boolean real = true;
    boolean truth = true;
    boolean any = false;
    for (JsonNode row : rows) {
      String text = row.path(name).asString("");
      if (MISSING.contains(text)) {
        missing = true;
        continue;
      }
      any = true;
      whole &= WHOLE.matcher(text).matches();
      real &= REAL.matcher(text).matches();
      truth &= TRUE.contains(text) || FALSE.contains(text);
    }
    if (!any || !real && !truth || truth && missing) {
      return Type.TEXT;
    }
    return truth ? Type.BOOLEAN : whole && !missing ? Type.WHOLE : Type.REAL;
  }

  private static JsonNode value(String text, Type type) {
    if (MISSING.contains(text)) {
      return NullNode.instance;
    }
    return switch (type) {
      case WHOLE -> whole(text.strip());
      case REAL -> NODES.numberNode(Double.parseDouble(text.strip()));
      case BOOLEAN -> BooleanNode.valueOf(TRUE.contains(text));
      case TEXT -> NODES.stringNode(text);
    };
  }

  private static JsonNode whole(String text) {
    long value = Long.parseLong(text);
    return value == (int) value ? NODES.numberNode((int) value) : NODES.numberNode(value);
  }
}
