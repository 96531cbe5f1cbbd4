package dev.nudge.server.experiments;

import dev.nudge.eval.Clusters;

/// A unit's contribution to the totals: arm and stage of its first request, amounts and weights of
/// each metric, and which events it has had.
///
/// Threading: guarded by the experiment's lock.
final class UnitTally {
  private static final int METRICS = ArmMetric.values().length;

  final int arm;
  final Stage stage;
  private final double[] amounts = new double[METRICS];
  private final double[] weights = new double[METRICS];
  private int had; // metrics with an event, as bits
  private boolean timed;

  UnitTally(int arm, Stage stage) {
    this.arm = arm;
    this.stage = stage;
  }

  /// Adds to a metric of the unit and of its arm.
  void add(ArmMetric metric, double amount, double weight) {
    add(stage.sums(metric, arm), metric, amount, weight);
  }

  /// Adds to a metric of the unit and of given totals, such as those of pairs.
  void add(Clusters sums, ArmMetric metric, double amount, double weight) {
    int i = metric.ordinal();
    sums.move(amounts[i], weights[i], amounts[i] + amount, weights[i] + weight);
    amounts[i] += amount;
    weights[i] += weight;
  }

  /// Whether this is the unit's first request with times.
  boolean firstTimes() {
    boolean first = !timed;
    timed = true;
    return first;
  }

  /// Whether this is the unit's first event of a metric.
  boolean first(ArmMetric metric) {
    int bit = 1 << metric.ordinal();
    boolean first = (had & bit) == 0;
    had |= bit;
    return first;
  }
}
