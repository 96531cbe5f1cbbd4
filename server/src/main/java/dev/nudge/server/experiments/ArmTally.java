package dev.nudge.server.experiments;

import dev.nudge.eval.QuantileSketch;
import java.util.Map;
import java.util.TreeMap;

/// What was counted of all requests of an arm, whoever made them: for the report, not for tests.
///
/// Threading: the experiment's lock.
final class ArmTally {
  private static final int METRICS = ArmMetric.values().length;
  private static final int MOST_LABELS = 100;
  private static final String OTHER = "(other)";

  long requests;
  long cancelled;
  long cold;

  /// Times of all requests, and of the first of each unit: these do not hang together.
  final QuantileSketch firstToken = new QuantileSketch();
  final QuantileSketch firstTokenOfUnits = new QuantileSketch();
  final QuantileSketch seconds = new QuantileSketch();
  final QuantileSketch secondsOfUnits = new QuantileSketch();

  final Map<String, Long> labels = new TreeMap<>();

  /// Scores that are 0 or 1, and of them the ones.
  long thumbs;
  long thumbsUp;

  private final double[] amounts = new double[METRICS];
  private final double[] weights = new double[METRICS];

  void add(ArmMetric metric, double amount, double weight) {
    amounts[metric.ordinal()] += amount;
    weights[metric.ordinal()] += weight;
  }

  double weight(ArmMetric metric) {
    return weights[metric.ordinal()];
  }

  /// Σ amount / Σ weight; NaN where there is none.
  double value(ArmMetric metric) {
    return amounts[metric.ordinal()] / weights[metric.ordinal()];
  }

  /// Counts a score, or takes it back.
  void thumb(double score, int count) {
    if (score == 0 || score == 1) {
      thumbs += count;
      thumbsUp += score == 1 ? count : 0;
    }
  }

  /// Whether every score is 0 or 1.
  boolean allThumbs() {
    return thumbs > 0 && thumbs == Math.round(weight(ArmMetric.SCORE));
  }

  void label(String label) {
    String kept = labels.containsKey(label) || labels.size() < MOST_LABELS ? label : OTHER;
    labels.merge(kept, 1L, Long::sum);
  }
}
