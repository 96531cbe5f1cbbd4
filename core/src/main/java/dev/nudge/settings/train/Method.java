package dev.nudge.settings.train;

/// The training method: LoRA or full fine-tuning.
public enum Method {
  /// A low-rank adapter beside frozen weights.
  LORA,

  /// The model's own weights.
  FULL
}
