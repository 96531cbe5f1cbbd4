package dev.nudge.eval.sweep;

import dev.nudge.data.Dataset;
import dev.nudge.data.tokens.Example;
import dev.nudge.eval.Interval;
import dev.nudge.eval.StudentT;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// The held-out losses of a run, row by row, or an evaluation's metric of each document, for paired
/// comparisons.
///
/// @param step step after which they were measured
/// @param rows identity of each row: file and position
/// @param tokens labelled tokens of each row
/// @param losses loss of each row in nats, summed over its labelled tokens
public record HeldRows(int step, List<String> rows, int[] tokens, double[] losses) {
  private static final double CONFIDENCE = 0.95;

  static HeldRows of(int step, Dataset held, double[] losses) {
    List<Example> rows = held.examples();
    return new HeldRows(
        step,
        rows.stream().map(row -> row.file() + ":" + row.index()).toList(),
        rows.stream().mapToInt(Example::trainedTokens).toArray(),
        losses);
  }

  /// Whether two sets have the same rows with equally many labelled tokens; prompts may differ.
  static boolean same(Dataset one, Dataset other) {
    double[] none = {};
    HeldRows a = of(0, one, none);
    HeldRows b = of(0, other, none);
    return a.rows.equals(b.rows) && Arrays.equals(a.tokens, b.tokens);
  }

  /// Makes the losses of the rows of one file.
  public static HeldRows of(int[] tokens, double[] losses) {
    return new HeldRows(
        0, IntStream.range(0, tokens.length).mapToObj(Integer::toString).toList(), tokens, losses);
  }

  /// Makes one value per document, with equal weights.
  static HeldRows each(double[] values) {
    int[] ones = new int[values.length];
    Arrays.fill(ones, 1);
    return of(ones, values);
  }

  /// Returns the mean loss per token.
  double mean() {
    return Arrays.stream(losses).sum() / Arrays.stream(tokens).sum();
  }

  /// Computes the difference this − other by the ratio estimator: with dᵢ the difference of row i
  /// and nᵢ its tokens, D = Σd / Σn, and its standard error √(m/(m−1) · Σ(dᵢ − D·nᵢ)²) / Σn over m
  /// rows.
  ///
  /// @return null if the rows differ, or are fewer than two
  public @Nullable Difference minus(HeldRows other) {
    int m = losses.length;
    boolean same =
        rows.size() == m && rows.equals(other.rows) && Arrays.equals(tokens, other.tokens);
    if (m < 2 || !same) {
      return null;
    }
    double all = Arrays.stream(tokens).sum();
    double[] differences =
        IntStream.range(0, m).mapToDouble(i -> losses[i] - other.losses[i]).toArray();
    double mean = Arrays.stream(differences).sum() / all;
    double squares = 0;
    for (int i = 0; i < m; i++) {
      double rest = differences[i] - mean * tokens[i];
      squares += rest * rest;
    }
    double error = Math.sqrt(squares * m / (m - 1)) / all;
    double half = StudentT.quantile((1 + CONFIDENCE) / 2, m - 1) * error;
    return new Difference(mean, new Interval(mean - half, mean + half));
  }

  void write(Path file) {
    OutFolder.make(file.getParent());
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("step", step);
    values.put("rows", rows);
    values.put("tokens", tokens);
    values.put("losses", losses);
    OutFolder.place(file, Json.line(values) + "\n");
  }

  /// Reads the file that [#write] wrote; null: none.
  static @Nullable HeldRows read(Path file) {
    if (!Files.exists(file)) {
      return null;
    }
    JsonNode json = Json.read(file);
    return new HeldRows(
        json.path("step").asInt(0),
        json.path("rows").valueStream().map(one -> one.asString("")).toList(),
        json.path("tokens").valueStream().mapToInt(one -> one.asInt(0)).toArray(),
        json.path("losses").valueStream().mapToDouble(one -> one.asDouble(Double.NaN)).toArray());
  }

  /// The mean difference of held-out loss per token from another run on the same rows.
  ///
  /// @param value difference in nats; positive: the other run is better
  /// @param interval 95 % interval
  public record Difference(double value, Interval interval) {
    /// Formats it as `+0.0123 [-0.0045, +0.0291]`.
    String shown() {
      return String.format(
          Locale.ROOT, "%+.4f [%+.4f, %+.4f]", value, interval.low(), interval.high());
    }
  }
}
