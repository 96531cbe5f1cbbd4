package dev.nudge.settings.verb;

/// The rows for which answers are shown.
public enum ShowRows {
  /// Rows whose answer differs from the expected one.
  WRONG,
  /// All rows.
  ALL
}
