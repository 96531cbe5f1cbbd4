package dev.nudge.settings;

/// Says of which rows the answers are shown.
public enum ShowRows {
  /// Those that are not answered exactly.
  WRONG,
  /// All of them.
  ALL
}
