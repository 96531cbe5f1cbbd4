package dev.nudge.model;

/// Which weights are kept a second time, in the layout of their products, where memory is free.
///
/// They change how long a step takes and nothing else that a plan does not say: products of many
/// rows use that layout in any case, and without a cache it is made anew before each of them.
public enum Caches {
  /// None: the least memory.
  NONE,

  /// The output head's.
  HEAD,

  /// The output head's and every linear layer's, dequantised where it is quantised.
  ALL
}
