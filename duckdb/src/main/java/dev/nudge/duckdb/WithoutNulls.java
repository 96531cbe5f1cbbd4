package dev.nudge.duckdb;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/// Removes nested null fields that a row has only because of the table's column type.
///
/// All values of a column have the same fields, so a message without `tool_calls` gets
/// `"tool_calls": null` if another message has some, and a template would treat the field as
/// present. A nested null field is removed; a null column stays, and so does the `content` of a
/// message, which is null on purpose if it has tool calls.
final class WithoutNulls {
  private static final JsonMapper JSON = JsonMapper.shared();
  private static final String KEPT = "content";

  private WithoutNulls() {}

  static String of(String row) {
    if (!row.contains(":null")) {
      return row;
    }
    JsonNode all = JSON.readTree(row);
    boolean cleared = false;
    for (JsonNode column : all) {
      cleared |= clear(column);
    }
    return cleared ? all.toString() : row;
  }

  /// @return whether a field was removed
  private static boolean clear(JsonNode node) {
    boolean cleared = false;
    if (node instanceof ObjectNode object) {
      List<String> empty = new ArrayList<>();
      for (Map.Entry<String, JsonNode> field : object.properties()) {
        if (field.getValue().isNull() && !field.getKey().equals(KEPT)) {
          empty.add(field.getKey());
        }
      }
      object.remove(empty);
      cleared = !empty.isEmpty();
    }
    for (JsonNode child : node) {
      cleared |= clear(child);
    }
    return cleared;
  }
}
