package dev.nudge.eval.gate;

import dev.nudge.eval.run.Outcome;

/// How fast answers came.
///
/// @param secondsPerRequest NaN: not known
/// @param tokensPerSecond NaN: not known
public record Speed(double secondsPerRequest, double tokensPerSecond) {
  /// Nothing is known.
  public static final Speed UNKNOWN = new Speed(Double.NaN, Double.NaN);

  /// What an outcome tells: its whole time, loading too, over the requests that were asked in it,
  /// of all models. Nothing where all were answered before.
  public static Speed of(Outcome outcome) {
    return outcome.asked() < 1
        ? UNKNOWN
        : new Speed(outcome.seconds() / outcome.asked(), Double.NaN);
  }
}
