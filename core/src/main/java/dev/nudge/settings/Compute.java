package dev.nudge.settings;

/// The type that matrix products and activations are computed in.
public enum Compute {
  /// `bf16` where the processor multiplies it natively, else `fp32`.
  AUTO,
  BF16,
  FP32
}
