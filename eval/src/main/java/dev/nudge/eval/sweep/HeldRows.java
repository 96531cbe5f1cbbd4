package dev.nudge.eval.sweep;

import dev.nudge.data.Dataset;
import dev.nudge.data.Example;
import dev.nudge.eval.Interval;
import dev.nudge.eval.StudentT;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// The held-out losses of a setting, row by row, or the metric of each document of an evaluation:
/// what a paired comparison needs.
///
/// @param step after which they were taken
/// @param tokens labelled tokens of each row
/// @param losses of each row, in nats, summed over its labelled tokens
@SuppressWarnings("ArrayRecordComponent") // made and read, never compared
record HeldRows(int step, int[] tokens, double[] losses) {
  private static final double CONFIDENCE = 0.95;

  static HeldRows of(int step, Dataset held, double[] losses) {
    return new HeldRows(
        step, held.examples().stream().mapToInt(Example::trainedTokens).toArray(), losses);
  }

  /// A number of each document, counted alike.
  static HeldRows each(double[] values) {
    int[] ones = new int[values.length];
    Arrays.fill(ones, 1);
    return new HeldRows(0, ones, values);
  }

  /// The mean loss of a token.
  double mean() {
    return Arrays.stream(losses).sum() / Arrays.stream(tokens).sum();
  }

  /// This minus another, by the ratio estimator: with dᵢ the difference of row i and nᵢ its tokens,
  /// D = Σd / Σn, and its standard error √(m/(m−1) · Σ(dᵢ − D·nᵢ)²) / Σn over m rows.
  ///
  /// @return null if the rows are not the same, or fewer than two
  @Nullable HeldDifference minus(HeldRows other) {
    int m = losses.length;
    if (m < 2 || !Arrays.equals(tokens, other.tokens)) {
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
    return new HeldDifference(mean, new Interval(mean - half, mean + half));
  }

  void write(Path file) {
    OutFolder.make(file.getParent());
    OutFolder.place(
        file, Json.line(Map.of("step", step, "tokens", tokens, "losses", losses)) + "\n");
  }

  /// Reads what [#write] wrote; null: there is none.
  static @Nullable HeldRows read(Path file) {
    if (!Files.exists(file)) {
      return null;
    }
    JsonNode there = Json.read(file);
    List<Integer> tokens = new ArrayList<>();
    List<Double> losses = new ArrayList<>();
    there.path("tokens").forEach(one -> tokens.add(one.asInt(0)));
    there.path("losses").forEach(one -> losses.add(one.asDouble(Double.NaN)));
    return new HeldRows(
        there.path("step").asInt(0),
        tokens.stream().mapToInt(Integer::intValue).toArray(),
        losses.stream().mapToDouble(Double::doubleValue).toArray());
  }
}
