package dev.nudge.settings.train;

/// The optimiser.
public enum Optimizer {
  /// AdamW, moments in fp32.
  ADAMW,
  /// AdamW, moments in 8 bits.
  ADAMW_8BIT
}
