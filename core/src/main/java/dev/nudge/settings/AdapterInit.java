package dev.nudge.settings;

import java.util.Locale;

/// How a new adapter is initialised.
public enum AdapterInit {
  /// B is zero, so the adapted model equals the base at first.
  ZERO,

  /// LoftQ: the best approximation, at the adapter's rank, of what quantisation lost, so that the
  /// adapted model is closer to the unquantised base.
  LOFTQ;

  /// The name in flags and messages.
  String shown() {
    return name().toLowerCase(Locale.ROOT);
  }
}
