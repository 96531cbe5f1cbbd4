package dev.nudge.server.experiments;

import dev.nudge.eval.QuantileSketch;
import java.util.Map;
import java.util.TreeMap;

/// Totals of all requests of an arm, for the report; not used in tests.
///
/// Threading: guarded by the experiment's lock.
final class ArmTally {
  private static final int METRICS = ArmMetric.values().length;
  private static final int MOST_LABELS = 100;
  private static final String OTHER = "(other)";

  long requests;
  long cancelled;
  long cold;

  /// Time to first token of all requests, and of each unit's first request (independent samples).
  final QuantileSketch firstToken = new QuantileSketch();
  final QuantileSketch firstTokenOfUnits = new QuantileSketch();
  final QuantileSketch seconds = new QuantileSketch();
  final QuantileSketch secondsOfUnits = new QuantileSketch();

  final Map<String, Long> labels = new TreeMap<>();

  /// Number of scores that are 0 or 1, and number of scores that are 1.
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

  /// Returns Σ amount / Σ weight; NaN if the weight is 0.
  double value(ArmMetric metric) {
    return amounts[metric.ordinal()] / weights[metric.ordinal()];
  }

  /// Counts a score; a negative `count` removes one.
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
