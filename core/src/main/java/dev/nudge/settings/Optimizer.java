package dev.nudge.settings;

/// What turns gradients into updates.
public enum Optimizer {
  /// AdamW, moments in fp32.
  ADAMW,
  /// AdamW, moments in 8 bits.
  ADAMW_8BIT
}
