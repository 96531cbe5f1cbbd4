package dev.nudge.kernel;

import dev.nudge.tensor.Tensor;

/// Dequantises integer codes that share a scale and a zero in groups, the form of GPTQ and AWQ:
///
///     value = scale · (code − zero), one rounding to fp32, one more to the output's type
///
/// With scales of 16 bits the product is exact in fp32: 11 significant bits times 9. MXFP4's codes
/// encode floats that share a power of two.
public interface GroupedCodes {
  /// Dequantises rows `from` (inclusive) to `to` (exclusive), each number into its own column.
  ///
  /// @param out (to − from, cols), contiguous, any float type, written
  void dequantize(SkinnyProduct.Grouped w, int from, int to, Tensor out);

  /// Dequantises rows `from` (inclusive) to `to` (exclusive) of an [Mxfp4] weight.
  ///
  /// @param out (to − from, cols), contiguous, any float type, written
  void dequantize(SkinnyProduct.Powers w, int from, int to, Tensor out);

  /// Computes number by number.
  final class Plain implements GroupedCodes {
    @Override
    public void dequantize(SkinnyProduct.Grouped w, int from, int to, Tensor out) {
      for (int r = from; r < to; r++) {
        for (int i = 0; i < w.cols(); i++) {
          out.set(r - from, w.column(i), w.value(r, i));
        }
      }
    }

    @Override
    public void dequantize(SkinnyProduct.Powers w, int from, int to, Tensor out) {
      for (int r = from; r < to; r++) {
        for (int i = 0; i < w.cols(); i++) {
          out.set(r - from, i, w.value(r, i));
        }
      }
    }
  }
}
