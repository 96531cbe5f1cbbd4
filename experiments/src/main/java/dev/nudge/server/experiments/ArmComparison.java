package dev.nudge.server.experiments;

import dev.nudge.eval.Interval;

/// The comparison of an arm with the control by the deciding metric.
///
/// @param arm index of the arm
/// @param difference its value minus the control's; for `preferred`, the win rate minus ½
/// @param interval always-valid interval of the difference, at α over the number of arms compared
/// @param p always-valid p-value of no difference
/// @param adjusted p after Holm's correction over all arms
/// @param have units of the smaller arm; for `preferred`, decided pairs
/// @param need units (or pairs) needed for a result
record ArmComparison(
    int arm, double difference, Interval interval, double p, double adjusted, long have, int need) {

  ArmComparison adjustedTo(double other) {
    return new ArmComparison(arm, difference, interval, p, other, have, need);
  }

  /// Returns the number of missing units or pairs; 0: enough.
  long missing() {
    return Math.max(0, need - have);
  }
}
