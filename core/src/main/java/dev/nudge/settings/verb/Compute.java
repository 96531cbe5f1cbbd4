package dev.nudge.settings.verb;

/// The data type of matrix products and activations.
public enum Compute {
  /// `bf16` where the processor multiplies it natively, else `fp32`.
  AUTO,
  BF16,
  FP32
}
