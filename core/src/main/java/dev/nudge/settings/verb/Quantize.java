package dev.nudge.settings.verb;

import java.util.Locale;

/// The quantisation of the frozen linear layers in memory.
public enum Quantize {
  /// Not quantised: the compute type.
  NONE,
  /// 4-bit NF4 with a scale per block of 64 weights, as in bitsandbytes.
  NF4;

  /// The name in flags, files and messages.
  public String shown() {
    return name().toLowerCase(Locale.ROOT);
  }
}
