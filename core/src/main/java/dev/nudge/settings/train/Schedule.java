package dev.nudge.settings.train;

/// The learning rate schedule after the warm-up.
public enum Schedule {
  CONSTANT,
  /// Falls linearly to 0.
  LINEAR,
  /// Falls to 0 along half a cosine.
  COSINE,
  /// Warm-up, stable, decay: falls linearly to 0 over the last tenth.
  WSD
}
