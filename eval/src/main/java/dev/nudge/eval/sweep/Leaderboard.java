package dev.nudge.eval.sweep;

import dev.nudge.curves.Curves;
import dev.nudge.curves.LossSvg;
import dev.nudge.eval.Interval;
import dev.nudge.eval.run.Metric;
import dev.nudge.eval.sweep.HeldRows.Difference;
import dev.nudge.eval.sweep.SweepFile.Entry;
import dev.nudge.eval.sweep.SweepFile.Ranking;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.format.RunFiles;
import dev.nudge.settings.Count;
import dev.nudge.settings.train.Rate;
import dev.nudge.train.Training;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Ranks the settings of a sweep: finished ones by their lowest held-out loss, or by the metric of
/// an evaluation, then the ones that were stopped early, later stops first. It contains no times,
/// so an interrupted sweep has the same leaderboard.
///
/// @param metric metric of the ranking
/// @param higher whether a higher value is better
/// @param rows settings, the best first
/// @param on number of held-out rows, or documents, behind the best score; null: unknown
public record Leaderboard(
    String metric,
    boolean higher,
    List<Row> rows,
    List<Map<String, Object>> halving,
    @Nullable Integer on) {
  static final String LOSS = "eval_loss";
  static final String JSON = "leaderboard.json";
  static final String MARKDOWN = "leaderboard.md";
  static final String SVG = "sweep.svg";

  /// A setting of the sweep, with its result.
  ///
  /// @param rate the highest learning rate, also if chosen by `auto`; null: not begun
  /// @param state of its run: `finished`, `stopped`, `failed`; `none` if it was not begun
  /// @param steps completed steps
  /// @param loss the lowest held-out loss, which its saved adapter has; null: none
  /// @param step step of that loss
  /// @param score value of the metric; null: none
  /// @param ended why it was stopped early; null: it was not
  /// @param difference of the score from the best one; null: it is the best, or rows differ
  public record Row(
      String name,
      Map<String, @Nullable Object> settings,
      @Nullable Double rate,
      String state,
      int steps,
      @Nullable Double loss,
      @Nullable Integer step,
      @Nullable Double score,
      @Nullable String ended,
      @Nullable Difference difference) {
    boolean finished() {
      return state.equals("finished");
    }

    public String shownRate() {
      return rate == null ? "-" : Rate.shown(rate);
    }

    public String shownScore() {
      return number(score);
    }

    /// Formats the difference from the best; empty for the best, and if rows differ.
    public String shownDifference() {
      return difference == null ? "" : difference.shown();
    }

    /// Returns why it was stopped early, or its state; empty if it finished.
    public String shownEnd() {
      return ended != null ? ended : finished() ? "" : state;
    }

    private static @Nullable Double finite(@Nullable Double value) {
      return value == null ? null : Json.finite(value);
    }

    private Row scored(@Nullable Double mean) {
      return new Row(name, settings, rate, state, steps, loss, step, mean, ended, difference);
    }

    private Row against(@Nullable Difference best) {
      return new Row(name, settings, rate, state, steps, loss, step, score, ended, best);
    }

    private Map<String, @Nullable Object> values() {
      Map<String, @Nullable Object> values = new LinkedHashMap<>();
      values.put("name", name);
      values.put("settings", settings);
      values.put("learning_rate", rate);
      values.put("state", state);
      values.put("ended", ended);
      values.put("steps", steps);
      values.put("eval_loss", finite(loss));
      values.put("eval_step", step);
      values.put("score", finite(score));
      Difference told =
          difference == null || !Double.isFinite(difference.value()) ? null : difference;
      values.put("difference", told == null ? null : told.value());
      Interval interval = told == null ? null : told.interval();
      values.put("interval", interval == null ? null : List.of(interval.low(), interval.high()));
      return values;
    }
  }

  /// Builds the leaderboard of the runs in a sweep's folder.
  ///
  /// @param metric metric of an evaluation; null: held-out loss
  /// @param scored results of an evaluation, by name
  static Leaderboard of(
      Path out,
      SweepFile sweep,
      SweepState state,
      @Nullable Metric metric,
      Map<String, HeldRows> scored) {
    List<Row> rows = new ArrayList<>();
    boolean higher = metric != null && metric.higherIsBetter();
    Function<Row, @Nullable HeldRows> of =
        metric == null ? row -> held(out, row) : row -> scored.get(row.name());
    for (Entry entry : sweep.entries()) {
      Row row = row(out, entry, state);
      if (metric != null) {
        HeldRows own = scored.get(entry.name());
        row = row.scored(own == null ? null : (Double) own.mean());
      }
      rows.add(row);
    }
    rows.sort(
        Comparator.comparing((Row row) -> !row.finished())
            .thenComparing(row -> row.finished() ? 0 : -row.steps())
            .thenComparing(row -> order(row.score(), higher)));
    HeldRows best = of.apply(rows.getFirst());
    for (int i = 1; i < rows.size() && best != null; i++) {
      HeldRows own = of.apply(rows.get(i));
      rows.set(i, rows.get(i).against(own == null ? null : own.minus(best)));
    }
    List<Map<String, Object>> halving = new ArrayList<>();
    for (SweepState.Rung rung : state.rungs()) {
      Map<String, Object> values = new LinkedHashMap<>(); // in a reproducible order
      values.put("at", rung.at());
      values.put("losses", rung.losses());
      halving.add(values);
    }
    Ranking asked = sweep.metric();
    String name = asked == null ? LOSS : asked.task() + " " + asked.metric();
    Integer on = best == null ? null : (Integer) best.rows().size();
    return new Leaderboard(name, higher, rows, halving, on);
  }

  private static double order(@Nullable Double score, boolean higher) {
    return score == null || score.isNaN()
        ? Double.POSITIVE_INFINITY
        : higher ? -score : (double) score;
  }

  /// Returns the file of a setting's held-out losses.
  static Path held(Path out, String name) {
    return out.resolve(".held").resolve(name + ".json");
  }

  /// Returns the held-out losses of a setting's saved adapter; null: none, or `train` has resumed
  /// the run and saved a better one.
  private static @Nullable HeldRows held(Path out, Row row) {
    HeldRows rows = HeldRows.read(held(out, row.name()));
    return rows == null || !Integer.valueOf(rows.step()).equals(row.step()) ? null : rows;
  }

  private static Row row(Path out, Entry entry, SweepState state) {
    Path folder = out.resolve(entry.name());
    JsonNode run =
        Files.exists(folder.resolve(RunFiles.RUN))
            ? Json.tree(Training.record(folder))
            : Json.tree(Map.of("state", "none"));
    JsonNode totals = run.path("totals");
    HeldRows rows = HeldRows.read(held(out, entry.name()));
    JsonNode best = totals.path("eval_loss_best");
    JsonNode rate = run.path("settings").path("learning_rate");
    SweepState.End end = state.ended().get(entry.name());
    Double loss =
        best.isNumber() ? (Double) best.asDouble() : rows == null ? null : (Double) rows.mean();
    return new Row(
        entry.name(),
        entry.values(),
        rate.isNumber() ? (Double) rate.asDouble() : null,
        run.path(RunFiles.STATE).asString("none"),
        end == null ? totals.path("steps").asInt(0) : end.step(),
        loss,
        best.isNumber()
            ? (Integer) totals.path("best_step").asInt(0)
            : rows == null ? null : (Integer) rows.step(),
        loss,
        end == null ? null : end.why(),
        null);
  }

  /// Returns the best finished setting with a score; null: none.
  public @Nullable Row best() {
    Row first = rows.getFirst();
    Double score = first.score();
    return first.finished() && score != null && Double.isFinite(score) ? first : null;
  }

  /// Returns the content of `leaderboard.json`.
  public Map<String, @Nullable Object> values() {
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    Row best = best();
    values.put("metric", metric);
    values.put("on", on);
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
            .filter(name -> Files.exists(out.resolve(name).resolve(RunFiles.METRICS)))
            .map(name -> Curves.read(name, out.resolve(name).resolve(RunFiles.METRICS)))
            .toList();
    if (!curves.isEmpty()) {
      OutFolder.place(out.resolve(SVG), LossSvg.of(curves));
    }
  }

  /// Formats the leaderboard as a table.
  List<String> markdown() {
    List<String> lines = new ArrayList<>();
    lines.add("# " + Count.of(rows.size(), "setting") + " by " + title() + shownOn());
    lines.add("");
    lines.add(
        "| | setting | rate | %s | %safter step | above the best, 95 %% | steps | ended |"
            .formatted(cell(title()), byLoss() ? "" : "held-out loss | "));
    lines.add("|--:|---|--:|--:|%s--:|---|--:|---|".formatted(byLoss() ? "" : "--:|"));
    for (int i = 0; i < rows.size(); i++) {
      Row row = rows.get(i);
      lines.add(
          "| %d | %s | %s | %s | %s | %s | %d | %s |"
              .formatted(
                  i + 1,
                  cell(row.name()),
                  row.shownRate(),
                  row.shownScore() + (byLoss() ? "" : " | " + number(row.loss())),
                  row.step() == null ? "-" : row.step(),
                  row.shownDifference(),
                  row.steps(),
                  cell(row.shownEnd())));
    }
    lines.add("");
    lines.add(
        (byLoss()
                ? "Differences are of the loss of a labelled token, in nats, row by row on the same"
                    + " held-out rows."
                : "Differences are document by document on the same documents.")
            + " An interval that holds 0 does not tell the two apart, and the best of several"
            + " looks better than it is: judge it on rows that took no part.");
    return lines;
  }

  /// Escapes a text for a table cell.
  static String cell(String text) {
    return text.replace("\\", "\\\\").replace("|", "\\|").replaceAll("\\R", " ");
  }

  private boolean byLoss() {
    return metric.equals(LOSS);
  }

  /// Formats the number of rows: ` on 86 rows`; empty if unknown.
  public String shownOn() {
    return on == null ? "" : " on " + Count.of(on, byLoss() ? "row" : "document");
  }

  /// Names the metric of the ranking, for people.
  public String title() {
    return byLoss() ? "held-out loss" : metric;
  }

  private static String number(@Nullable Double value) {
    return value == null ? "-" : String.format(Locale.ROOT, "%.4f", value);
  }
}
