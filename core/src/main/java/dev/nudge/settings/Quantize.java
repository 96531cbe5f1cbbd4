package dev.nudge.settings;

/// How the frozen weights are stored in memory.
public enum Quantize {
  NONE
}
