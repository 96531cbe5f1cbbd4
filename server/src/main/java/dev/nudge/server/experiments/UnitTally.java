package dev.nudge.server.experiments;

import dev.nudge.eval.Clusters;

/// What one unit has added to the sums: its arm and stage when it first came, amounts and weights
/// of each metric, and which events it has had.
///
/// Threading: the experiment's lock.
final class UnitTally {
  private static final int METRICS = ArmMetric.values().length;

  final int arm;
  final Stage stage;
  private final double[] amounts = new double[METRICS];
  private final double[] weights = new double[METRICS];
  private int had; // bits of metrics
  private boolean timed;

  UnitTally(int arm, Stage stage) {
    this.arm = arm;
    this.stage = stage;
  }

  /// Adds to a metric of the unit, and so to its arm's sums.
  void add(ArmMetric metric, double amount, double weight) {
    add(stage.sums(metric, arm), metric, amount, weight);
  }

  /// The same for sums that are no arm's, such as those of pairs.
  void add(Clusters sums, ArmMetric metric, double amount, double weight) {
    int i = metric.ordinal();
    sums.move(amounts[i], weights[i], amounts[i] + amount, weights[i] + weight);
    amounts[i] += amount;
    weights[i] += weight;
  }

  /// Whether times of the unit are told for the first time.
  boolean firstTimes() {
    boolean first = !timed;
    timed = true;
    return first;
  }

  /// Whether something happens to the unit for the first time.
  boolean first(ArmMetric metric) {
    int bit = 1 << metric.ordinal();
    boolean first = (had & bit) == 0;
    had |= bit;
    return first;
  }
}
