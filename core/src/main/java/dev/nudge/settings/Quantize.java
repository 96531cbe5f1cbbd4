package dev.nudge.settings;

/// How the frozen weights of linear layers are kept in memory.
public enum Quantize {
  /// In the compute type.
  NONE,
  /// In 4 bits a number with a scale for each 64 of them, as bitsandbytes does it.
  NF4
}
