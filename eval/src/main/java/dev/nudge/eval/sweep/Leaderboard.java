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

/// How the settings of a sweep compare: those that went to their end by their lowest held-out loss,
/// or by the metric of an evaluation, then those that were ended before, the later the better. It
/// has no times, so a sweep that was interrupted has the same.
///
/// @param metric by which they are ranked
/// @param higher whether more of it is better
/// @param rows the best first
/// @param on how many held-out rows, or documents, the best one's score stands; null: unknown
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

  /// A setting.
  ///
  /// @param rate the highest learning rate, that of `auto` too; null: not begun
  /// @param state of its run: `finished`, `stopped`, `failed`; `none` if it was not begun
  /// @param steps made
  /// @param loss the lowest held-out loss, of its saved adapter; null: none
  /// @param step of that loss
  /// @param score by the metric; null: none
  /// @param ended why it ended before its last step; null: it did not
  /// @param difference of the score from that of the best; null: it is the best, or rows differ
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

    /// The difference from the best; empty for the best, and if rows differ.
    public String shownDifference() {
      return difference == null ? "" : difference.shown();
    }

    /// Why it ended before its last step, or its state; empty if it finished.
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

  /// The leaderboard of the runs in a sweep's folder.
  ///
  /// @param metric of an evaluation; null: held-out loss
  /// @param scored what an evaluation found, by name
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
      Map<String, Object> values = new LinkedHashMap<>(); // of one order in every process
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

  /// The file of a setting's held-out losses.
  static Path held(Path out, String name) {
    return out.resolve(".held").resolve(name + ".json");
  }

  /// The held-out losses of a setting's saved adapter; null: none, or a run that `train` took on
  /// has saved a better one.
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

  /// The best setting that went to its end and has a score; null: there is none.
  public @Nullable Row best() {
    Row first = rows.getFirst();
    Double score = first.score();
    return first.finished() && score != null && Double.isFinite(score) ? first : null;
  }

  /// The content of `leaderboard.json`.
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

  /// The leaderboard as a table.
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

  /// A text that ends no cell of a table.
  static String cell(String text) {
    return text.replace("\\", "\\\\").replace("|", "\\|").replaceAll("\\R", " ");
  }

  private boolean byLoss() {
    return metric.equals(LOSS);
  }

  /// On how many rows that stands: ` on 86 rows`; empty if that is unknown.
  public String shownOn() {
    return on == null ? "" : " on " + Count.of(on, byLoss() ? "row" : "document");
  }

  /// What they are ranked by, for people.
  public String title() {
    return byLoss() ? "held-out loss" : metric;
  }

  private static String number(@Nullable Double value) {
    return value == null ? "-" : String.format(Locale.ROOT, "%.4f", value);
  }
}
