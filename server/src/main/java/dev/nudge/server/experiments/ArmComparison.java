package dev.nudge.server.experiments;

import dev.nudge.eval.Interval;

/// An arm held against the first one by the metric that decides.
///
/// @param arm its index
/// @param difference its value less the first arm's; of `preferred`, the share of wins less ½
/// @param interval of the difference, at all times at once, at α over the number of arms compared
/// @param p of "there is none", at all times at once
/// @param adjusted the same by Holm's method for all arms compared
/// @param have units of the arm that has fewer; of `preferred`, pairs that were decided
/// @param need how many of them a difference is told from
record ArmComparison(
    int arm, double difference, Interval interval, double p, double adjusted, long have, int need) {

  ArmComparison adjustedTo(double other) {
    return new ArmComparison(arm, difference, interval, p, other, have, need);
  }

  /// How many more are needed; 0: there are enough.
  long missing() {
    return Math.max(0, need - have);
  }
}
