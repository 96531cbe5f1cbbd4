package dev.nudge.eval.sweep;

import dev.nudge.eval.Interval;

/// The mean difference of a token's held-out loss from another setting's on the same rows.
///
/// @param value in nats; positive: the other is better
/// @param interval at 95 %
public record HeldDifference(double value, Interval interval) {}
