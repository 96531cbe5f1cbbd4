package dev.nudge.settings;

/// What is trained.
public enum Method {
  /// A low-rank adapter beside frozen weights.
  LORA,

  /// The model's own weights.
  FULL
}
