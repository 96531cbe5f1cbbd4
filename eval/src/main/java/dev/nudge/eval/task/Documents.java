package dev.nudge.eval.task;

import java.util.List;
import tools.jackson.databind.JsonNode;

/// The documents of a split, all with the same columns.
///
/// @param columns in order
record Documents(List<JsonNode> rows, List<String> columns) {
  Documents {
    rows = List.copyOf(rows);
    columns = List.copyOf(columns);
  }
}
