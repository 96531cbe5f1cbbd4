package dev.nudge.data;

import dev.nudge.data.rows.Answers;
import dev.nudge.data.rows.PromptBoundary;
import dev.nudge.data.rows.SeenShapes;
import dev.nudge.data.rows.UsedColumns;
import dev.nudge.data.tokens.PairFacts;
import dev.nudge.settings.Count;
import dev.nudge.settings.verb.DataShape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Statistics of a data set: counts, shapes, lengths and flaws.
///
/// @param rows number of rows, good and bad
/// @param badRows number of rows that cannot be used
/// @param mistakes a line for each kind of bad row, with its first places
/// @param guesses a line for each guessed file format
/// @param advice advice if prompts and completions lack a space between; null: none
/// @param characters lengths of the good rows in characters, without template text
/// @param tokens lengths of the good rows in tokens; null: not counted
/// @param turns messages per conversation; null: no conversation
/// @param answers short answers with their counts; null: rows have none, or answers are free text
/// @param pairs what pairs of answers differ in; null: rows are no pairs
public record DataStats(
    long rows,
    long badRows,
    List<String> mistakes,
    List<String> guesses,
    SeenShapes shapes,
    PromptBoundary boundary,
    @Nullable String advice,
    UsedColumns columns,
    Lengths characters,
    @Nullable Lengths tokens,
    @Nullable Lengths turns,
    @Nullable Answers answers,
    @Nullable PairFacts pairs,
    Flaws flaws) {

  /// The statistics as lines for people.
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    guesses.forEach(line -> lines.add("format     " + line));
    String bad = badRows == 0 ? "" : ", " + Count.of(badRows, "bad one");
    lines.add("data       " + Count.of(rows, "row") + bad);
    mistakes.forEach(line -> lines.add("bad        " + line));
    lines.add("rows are   " + shapes);
    lines.add("columns    " + columns);
    if (turns != null) {
      lines.add("messages   " + turns);
    }
    lines.add("characters " + characters);
    if (tokens != null) {
      lines.add("tokens     " + tokens);
    }
    List<String> found = new ArrayList<>(flaws.lines());
    if (answers != null) {
      lines.addAll(answers.lines());
      found.addAll(answers.warnings());
    }
    if (pairs != null) {
      lines.add("pairs      " + pairs);
      found.addAll(pairs.warnings());
    }
    if (advice != null) {
      found.addFirst(advice);
    }
    found.forEach(line -> lines.add("check      " + line));
    if (found.isEmpty()) {
      lines.add("check      nothing found: no row twice, no secrets, no personal data");
    }
    return lines;
  }

  /// The statistics by key, for `--json`.
  public Map<String, @Nullable Object> values() {
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    values.put("rows", rows);
    values.put("bad_rows", badRows);
    values.put("mistakes", mistakes);
    Map<String, Integer> seen = new LinkedHashMap<>();
    for (DataShape shape : DataShape.values()) {
      Integer count = shapes.counts().get(shape);
      if (count != null) {
        seen.put(shape.shown(), count);
      }
    }
    values.put("shapes", seen);
    values.put("rows_with_tools", shapes.withTools());
    values.put("rows_without_space", boundary.withoutSpace());
    values.put("columns", columns);
    values.put("characters", characters.values());
    values.put("tokens", tokens == null ? null : tokens.values());
    values.put("messages", turns == null ? null : turns.values());
    values.put("answers", answers == null ? null : answers.values());
    if (pairs != null) {
      values.put("pairs", pairs);
    }
    values.put("flaws", flaws.values());
    return values;
  }
}
