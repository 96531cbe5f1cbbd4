package dev.nudge.model;

/// Selects frozen weights that are kept packed, in the memory layout of matrix products.
///
/// Packed copies trade memory for speed. They change no result: products of many rows use that
/// layout anyway, and without a packed copy each of them packs the weight again.
public enum Caches {
  /// No weight is packed: the least memory.
  NONE,

  /// The output head's weight.
  HEAD,

  /// The output head's weight and every linear layer's, dequantised if the layer is quantised.
  ALL
}
