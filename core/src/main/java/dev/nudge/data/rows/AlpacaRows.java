package dev.nudge.data.rows;

import java.util.function.UnaryOperator;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;

/// Converts Alpaca rows (`instruction`, `input`, `output`) to messages.
///
/// The user message is the instruction, a blank line and the input, if there is one; the assistant
/// message is the output. `history`, a list of pairs of texts, and a `system` message come first.
final class AlpacaRows {
  private AlpacaRows() {}

  /// @param column the name that a column has in the row
  static ArrayNode of(Row row, UnaryOperator<String> column) throws BadRowException {
    ArrayNode messages = asked(row, column);
    messages.add(Messages.message("assistant", row.text(column.apply("output"))));
    return messages;
  }

  /// The messages before the output.
  static ArrayNode asked(Row row, UnaryOperator<String> column) throws BadRowException {
    ArrayNode messages = JsonNodeFactory.instance.arrayNode();
    String system = column.apply("system");
    if (row.has(system) && !row.text(system).isEmpty()) {
      messages.add(Messages.message("system", row.text(system)));
    }
    addHistory(messages, row, column.apply("history"));
    String input = column.apply("input");
    String more = row.has(input) ? row.text(input) : "";
    String said = row.text(column.apply("instruction")) + (more.isEmpty() ? "" : "\n\n" + more);
    messages.add(Messages.message("user", said));
    return messages;
  }

  private static void addHistory(ArrayNode messages, Row row, String column)
      throws BadRowException {
    if (!row.has(column)) {
      return;
    }
    int turn = 0;
    for (JsonNode pair : row.list(column, "a list of pairs")) {
      turn++;
      if (!pair.isArray()
          || pair.size() != 2
          || !pair.get(0).isString()
          || !pair.get(1).isString()) {
        throw new BadRowException(
            "turn %d of '%s' is no pair of texts, what the user and what the assistant said"
                .formatted(turn, column),
            "a turn of '" + column + "' is no pair of texts");
      }
      messages.add(Messages.message("user", pair.get(0).asString()));
      messages.add(Messages.message("assistant", pair.get(1).asString()));
    }
  }
}
