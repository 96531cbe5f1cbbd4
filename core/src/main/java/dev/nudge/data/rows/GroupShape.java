package dev.nudge.data.rows;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;

/// Finds completions and their rewards in a row: `completions`, `rewards` and perhaps `finished`,
/// lists of one length.
///
/// @param completions name of the column
/// @param rewards name of the column
/// @param finished name of the column that says which completions ended by themselves
record GroupShape(String completions, String rewards, String finished) {

  static GroupShape of(Map<String, String> names) {
    return new GroupShape(
        names.getOrDefault("completions", "completions"),
        names.getOrDefault("rewards", "rewards"),
        names.getOrDefault("finished", "finished"));
  }

  /// The completions of a row.
  record Answers(List<String> texts, List<Double> rewards, List<Boolean> finished) {}

  /// The completions of a row; 0: it has none with rewards.
  int size(Row row) throws BadRowException {
    return row.has(completions) && row.has(rewards)
        ? row.list(completions, "a list of texts").size()
        : 0;
  }

  List<String> columns() {
    return List.of(completions, rewards, finished);
  }

  /// @param size completions of each row
  Answers read(Row row, int size) throws BadRowException {
    ArrayNode texts = row.list(completions, "a list of texts");
    ArrayNode numbers = row.list(rewards, "a list of numbers");
    int count = texts.size();
    if (count < 2) {
      throw new BadRowException(
          "'%s' has %d of them; a group has at least two to compare".formatted(completions, count),
          "fewer than two completions");
    }
    if (count != size) {
      throw new BadRowException(
          "'%s' has %d of them, and the first row %d; groups have one length"
              .formatted(completions, count, size),
          "another number of completions than the first row");
    }
    checkSize(rewards, numbers, count);
    List<Boolean> ended = Collections.nCopies(count, true);
    if (row.has(finished)) {
      ArrayNode flags = row.list(finished, "a list of booleans");
      checkSize(finished, flags, count);
      ended = new ArrayList<>();
      for (JsonNode flag : flags) {
        ended.add(of(flag.isBoolean(), flag, finished, "true or false").booleanValue());
      }
    }
    List<String> completed = new ArrayList<>();
    for (JsonNode text : texts) {
      completed.add(of(text.isString(), text, completions, "a text").stringValue());
    }
    List<Double> worth = new ArrayList<>();
    for (JsonNode number : numbers) {
      boolean real = number.isNumber() && Double.isFinite(number.doubleValue());
      worth.add(of(real, number, rewards, "a number").doubleValue());
    }
    return new Answers(completed, worth, ended);
  }

  private void checkSize(String column, ArrayNode list, int count) throws BadRowException {
    if (list.size() != count) {
      throw new BadRowException(
          "'%s' has %d entries and '%s' %d; there must be one for each"
              .formatted(column, list.size(), completions, count),
          "completions and " + column + " differ in number");
    }
  }

  private static JsonNode of(boolean right, JsonNode node, String column, String needed)
      throws BadRowException {
    if (!right) {
      String given = node.toString();
      throw new BadRowException(
          "an entry of '%s' is %s; each must be %s"
              .formatted(column, given.length() > 30 ? "…" : given, needed),
          "an entry of " + column + " is not " + needed);
    }
    return node;
  }
}
