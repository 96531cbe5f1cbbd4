package dev.nudge.eval.sweep;

import dev.nudge.curves.Curves;
import dev.nudge.curves.LossSvg;
import dev.nudge.eval.Interval;
import dev.nudge.eval.sweep.SweepFile.Entry;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.Count;
import dev.nudge.train.Training;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// How the settings of a sweep compare: those that went to their end by their lowest held-out loss,
/// then those that were ended before, the later the better. It has no times, so a sweep that was
/// interrupted has the same.
///
/// @param rows the best first
public record Leaderboard(List<Row> rows, List<Map<String, Object>> halving) {
  static final String JSON = "leaderboard.json";
  static final String MARKDOWN = "leaderboard.md";
  static final String SVG = "sweep.svg";

  /// A setting.
  ///
  /// @param state of its run: `finished`, `stopped`, `failed`; `none` if it was not begun
  /// @param steps made
  /// @param loss the lowest held-out loss, of its saved adapter; null: none
  /// @param step of that loss
  /// @param ended why it ended before its last step; null: it did not
  /// @param difference of the loss from that of the best; null: it is the best, or rows differ
  public record Row(
      String name,
      Map<String, @Nullable Object> settings,
      String state,
      int steps,
      @Nullable Double loss,
      @Nullable Integer step,
      @Nullable String ended,
      @Nullable HeldDifference difference) {
    boolean finished() {
      return state.equals("finished");
    }

    private Row against(@Nullable HeldDifference best) {
      return new Row(name, settings, state, steps, loss, step, ended, best);
    }

    private Map<String, @Nullable Object> values() {
      Map<String, @Nullable Object> values = new LinkedHashMap<>();
      values.put("name", name);
      values.put("settings", settings);
      values.put("state", state);
      values.put("ended", ended);
      values.put("steps", steps);
      values.put("eval_loss", loss);
      values.put("eval_step", step);
      values.put("difference", difference == null ? null : difference.value());
      Interval interval = difference == null ? null : difference.interval();
      values.put("interval", interval == null ? null : List.of(interval.low(), interval.high()));
      return values;
    }
  }

  /// The leaderboard of the runs in a sweep's folder.
  ///
  static Leaderboard of(Path out, SweepFile sweep, SweepState state) {
    List<Row> rows = new ArrayList<>();
    for (Entry entry : sweep.entries()) {
      rows.add(row(out, entry, state));
    }
    rows.sort(
        Comparator.comparing((Row row) -> !row.finished())
            .thenComparing(row -> row.finished() ? 0 : -row.steps())
            .thenComparing(row -> row.loss() == null ? Double.POSITIVE_INFINITY : row.loss()));
    HeldRows best = HeldRows.read(held(out, rows.getFirst().name()));
    for (int i = 1; i < rows.size() && best != null; i++) {
      HeldRows own = HeldRows.read(held(out, rows.get(i).name()));
      rows.set(i, rows.get(i).against(own == null ? null : own.minus(best)));
    }
    List<Map<String, Object>> halving = new ArrayList<>();
    for (SweepState.Rung rung : state.rungs()) {
      halving.add(Map.of("at", rung.at(), "losses", rung.losses()));
    }
    return new Leaderboard(rows, halving);
  }

  /// The file of a setting's held-out losses.
  static Path held(Path out, String name) {
    return out.resolve(".held").resolve(name + ".json");
  }

  private static Row row(Path out, Entry entry, SweepState state) {
    Path folder = out.resolve(entry.name());
    JsonNode run =
        Files.exists(folder.resolve("run.json"))
            ? Json.tree(Training.record(folder))
            : Json.tree(Map.of("state", "none"));
    JsonNode totals = run.path("totals");
    HeldRows rows = HeldRows.read(held(out, entry.name()));
    JsonNode best = totals.path("eval_loss_best");
    SweepState.End end = state.ended().get(entry.name());
    return new Row(
        entry.name(),
        entry.values(),
        run.path("state").asString("none"),
        end == null ? totals.path("steps").asInt(0) : end.step(),
        best.isNumber() ? (Double) best.asDouble() : rows == null ? null : (Double) rows.mean(),
        best.isNumber()
            ? (Integer) totals.path("best_step").asInt(0)
            : rows == null ? null : (Integer) rows.step(),
        end == null ? null : end.why(),
        null);
  }

  /// The best setting that went to its end; null: none did.
  public @Nullable Row best() {
    Row first = rows.getFirst();
    return first.finished() ? first : null;
  }

  /// The content of `leaderboard.json`.
  public Map<String, @Nullable Object> values() {
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    Row best = best();
    values.put("metric", "eval_loss");
    values.put("best", best == null ? null : best.name());
    values.put("settings", rows.stream().map(Row::values).toList());
    values.put("halving", halving);
    return values;
  }

  /// Writes the leaderboard and the curves into the sweep's folder.
  void write(Path out) {
    OutFolder.place(out.resolve(JSON), Json.indented(values()) + "\n");
    OutFolder.place(out.resolve(MARKDOWN), String.join("\n", markdown()) + "\n");
    List<Curves> curves =
        rows.stream()
            .map(row -> row.name())
            .filter(name -> Files.exists(out.resolve(name).resolve("metrics.jsonl")))
            .map(name -> Curves.read(name, out.resolve(name).resolve("metrics.jsonl")))
            .toList();
    if (!curves.isEmpty()) {
      OutFolder.place(out.resolve(SVG), LossSvg.of(curves));
    }
  }

  /// The leaderboard as a table.
  List<String> markdown() {
    List<String> lines = new ArrayList<>();
    lines.add("# " + Count.of(rows.size(), "setting") + " by held-out loss");
    lines.add("");
    lines.add("| | setting | held-out loss | after step | above the best, 95 % | steps | ended |");
    lines.add("|--:|---|--:|--:|---|--:|---|");
    for (int i = 0; i < rows.size(); i++) {
      Row row = rows.get(i);
      lines.add(
          "| %d | %s | %s | %s | %s | %d | %s |"
              .formatted(
                  i + 1,
                  row.name(),
                  number(row.loss()),
                  row.step() == null ? "-" : row.step(),
                  shown(row.difference()),
                  row.steps(),
                  row.ended() == null ? row.finished() ? "" : row.state() : row.ended()));
    }
    lines.add("");
    lines.add(
        "Differences are of the loss of a labelled token, in nats, row by row on the same held-out"
            + " rows. An interval that holds 0 does not tell the two apart, and the best of several"
            + " looks better than it is: judge it on rows that took no part.");
    return lines;
  }

  private static String number(@Nullable Double value) {
    return value == null ? "-" : String.format(Locale.ROOT, "%.4f", value);
  }

  private static String shown(@Nullable HeldDifference difference) {
    if (difference == null) {
      return "";
    }
    Interval interval = difference.interval();
    return String.format(
        Locale.ROOT, "%+.4f [%+.4f, %+.4f]", difference.value(), interval.low(), interval.high());
  }
}
