package dev.nudge.model;

/// Says which weights are kept twice, in the layout of their products too, where memory is free.
///
/// They change how long a step takes and nothing else that a plan does not say: products of many
/// rows use that layout in any case, and without a cache it is made anew before each of them.
public enum Caches {
  /// No weight: the least memory.
  NONE,

  /// The output head's weight.
  HEAD,

  /// The output head's weight and every linear layer's, dequantised where it is quantised.
  ALL
}
