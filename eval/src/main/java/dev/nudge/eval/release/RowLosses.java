package dev.nudge.eval.release;

import dev.nudge.engine.RowScore;
import dev.nudge.eval.Bootstrap;
import dev.nudge.eval.Interval;
import dev.nudge.eval.Resampled;
import dev.nudge.eval.gate.Verdict;
import dev.nudge.eval.run.Metric;
import dev.nudge.eval.run.MetricItem;
import dev.nudge.eval.run.TaskScores.Score;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The loss of a model on rows: Σ −log p / Σ tokens, in nats a token.
///
/// Two models are compared on the same rows. The interval of the difference comes from 10,000
/// paired resamples of rows ([Bootstrap]); long rows have the same weight as in the loss.
///
/// @param rows scored rows, in order
record RowLosses(List<RowScore> rows) {
  /// The metric's name.
  static final String LOSS = "loss";

  private static final double CONFIDENCE = 0.95; // confidence of each bound

  RowLosses {
    rows = List.copyOf(rows);
  }

  double loss() {
    double sum = rows.stream().mapToDouble(row -> -row.logprob()).sum();
    return sum / tokens();
  }

  long tokens() {
    return rows.stream().mapToLong(RowScore::tokens).sum();
  }

  /// Returns by how much this model's loss exceeds another's.
  Difference above(RowLosses other) {
    Resampled resampled =
        Bootstrap.STANDARD.corpusDifference(
            other.statistics(), statistics(), sums -> sums[0] / sums[1]);
    boolean few = resampled.units() < Resampled.FEWEST;
    Interval interval = few ? Interval.UNKNOWN : resampled.interval(2 * CONFIDENCE - 1);
    return new Difference(resampled.value(), interval);
  }

  /// Returns the loss as a metric for a policy's rules.
  Score score() {
    List<MetricItem> items =
        rows.stream()
            .map(row -> (MetricItem) new MetricItem.Weighted(-row.logprob(), row.tokens()))
            .toList();
    return new Score(Metric.ratio(LOSS), "none", loss(), Double.NaN, items);
  }

  private double[][] statistics() {
    return rows.stream()
        .map(row -> new double[] {-row.logprob(), row.tokens()})
        .toArray(double[][]::new);
  }

  /// A difference of losses, in nats per token.
  ///
  /// @param interval one-sided bounds at 95 % each; [Interval#UNKNOWN] below 20 rows
  record Difference(double value, Interval interval) {
    /// Tests whether it is at most a tolerance.
    Verdict within(double tolerance) {
      if (interval.high() <= tolerance) {
        return Verdict.PASS;
      }
      return interval.low() > tolerance ? Verdict.FAIL : Verdict.INCONCLUSIVE;
    }

    /// Converts it to JSON; unknown bounds are omitted.
    Map<String, Object> written() {
      Map<String, Object> all = new LinkedHashMap<>();
      all.put("value", value);
      if (!interval.equals(Interval.UNKNOWN)) {
        all.put("low", interval.low());
        all.put("high", interval.high());
      }
      return all;
    }
  }
}
