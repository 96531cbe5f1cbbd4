package dev.nudge.settings.train;

/// Reactions to a diverging run.
public enum OnDivergence {
  /// Warns, once for each sign.
  WARN,
  /// Ends the run with exit code 1; the best checkpoint so far is kept.
  STOP
}
