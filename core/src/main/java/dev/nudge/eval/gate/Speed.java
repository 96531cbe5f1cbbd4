package dev.nudge.eval.gate;

import dev.nudge.eval.run.Outcome;

/// How fast answers came.
///
/// @param secondsPerRequest NaN: not known
/// @param tokensPerSecond NaN: not known
public record Speed(double secondsPerRequest, double tokensPerSecond) {
  /// Nothing is known.
  public static final Speed UNKNOWN = new Speed(Double.NaN, Double.NaN);

  /// What an outcome tells of the model that is judged: its time over the requests that it answered
  /// in it, and the tokens that it generated over the time of generating them. Nothing where all
  /// were answered before.
  public static Speed of(Outcome outcome) {
    return new Speed(outcome.pace().secondsPerRequest(), outcome.pace().tokensPerSecond());
  }
}
