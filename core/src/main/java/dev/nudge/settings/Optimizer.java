package dev.nudge.settings;

/// What turns gradients into updates.
public enum Optimizer {
  ADAMW
}
