package dev.nudge.settings;

import java.util.Locale;

/// How the frozen weights of linear layers are kept in memory.
public enum Quantize {
  /// In the compute type.
  NONE,
  /// In 4 bits a number with a scale for each 64 of them, as bitsandbytes does it.
  NF4;

  /// The name in flags, files and messages.
  public String shown() {
    return name().toLowerCase(Locale.ROOT);
  }
}
