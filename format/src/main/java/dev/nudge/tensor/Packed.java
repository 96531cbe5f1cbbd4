package dev.nudge.tensor;

/// Holds a right factor (k, n) in the layout in which its provider multiplies fastest.
///
/// Made by [Gemm#pack] in the caller's memory; valid for every Gemm of the same provider. A
/// product with it has the same bits as with the plain factor wrapped by [#plain].
///
/// @param factor shape (k, n); its bytes are in `layout`; if that is 0, plain by its strides
/// @param layout the provider's id of the layout; 0: not packed
public record Packed(Tensor factor, long layout) {
  /// Wraps a plain factor without packing it.
  public static Packed plain(Tensor factor) {
    return new Packed(factor, 0);
  }

  /// Returns a packed factor without memory, for dry runs.
  public static Packed dry(Dtype dtype, long k, long n) {
    return new Packed(Tensor.dry(dtype, k, n), -1);
  }

  /// Whether the factor is packed: products of a few hundred rows are then as fast as of thousands.
  public boolean packed() {
    return layout != 0;
  }

  /// Rounds a size up to the multiple for which [Gemm#pack] needs memory.
  public static int padded(long size) {
    return Math.toIntExact((size + 63) / 64 * 64);
  }

  /// Bytes of memory that [Gemm#pack] needs for a factor (k, n).
  public static long bytes(Dtype dtype, long k, long n) {
    return (long) padded(k) * padded(n) * dtype.bytes();
  }
}
