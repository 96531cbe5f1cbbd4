package dev.nudge.eval.sweep;

import dev.nudge.eval.Interval;
import java.util.Locale;

/// The mean difference of a token's held-out loss from another setting's on the same rows.
///
/// @param value in nats; positive: the other is better
/// @param interval at 95 %
public record HeldDifference(double value, Interval interval) {
  /// `+0.0123 [-0.0045, +0.0291]`.
  String shown() {
    return String.format(
        Locale.ROOT, "%+.4f [%+.4f, %+.4f]", value, interval.low(), interval.high());
  }
}
