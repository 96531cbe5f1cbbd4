package dev.nudge.settings;

/// What follows where a run diverges.
public enum OnDivergence {
  /// It is told, once for each sign.
  WARN,
  /// The run ends with exit code 1; the best so far is kept.
  STOP
}
