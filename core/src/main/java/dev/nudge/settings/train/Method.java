package dev.nudge.settings.train;

/// The training method: a kind of adapter, or full fine-tuning.
public enum Method {
  /// A low-rank adapter beside frozen weights.
  LORA,

  /// A vector for each layer that scales its output or input, (IA)³.
  IA3,

  /// The model's own weights.
  FULL
}
