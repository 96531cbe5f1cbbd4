package dev.nudge.settings;

import java.util.Locale;

/// How a new adapter begins.
public enum AdapterInit {
  /// With B zero: the adapted model is the base at first.
  ZERO,

  /// With the best of its rank to what quantising the base lost, so that the adapted model is
  /// nearer to the base before it was quantised.
  LOFTQ;

  /// The name in flags and messages.
  String shown() {
    return name().toLowerCase(Locale.ROOT);
  }
}
