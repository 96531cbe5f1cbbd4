package dev.nudge.data;

import dev.nudge.settings.Count;
import dev.nudge.settings.DataShape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Says what a data set holds.
///
/// @param rows good and bad
/// @param badRows those that cannot be used
/// @param mistakes of the bad rows, a line for each kind with its first places
/// @param guesses of the files' formats, a line each
/// @param advice what is said of prompts and completions without a space between; null: nothing
/// @param characters of the good rows, without what a template puts around them
/// @param tokens likewise; null: they were not counted
/// @param turns messages of the conversations; null: there is none
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
    Flaws flaws) {

  /// The lines for people.
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
    if (advice != null) {
      found.addFirst(advice);
    }
    found.forEach(line -> lines.add("check      " + line));
    if (found.isEmpty()) {
      lines.add("check      nothing found: no row twice, no secrets, no personal data");
    }
    return lines;
  }

  /// The values by key, for `--json`.
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
    values.put("flaws", flaws.values());
    return values;
  }
}
