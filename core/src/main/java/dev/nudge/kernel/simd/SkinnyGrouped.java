package dev.nudge.kernel.simd;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/// Multiplies few rows by a weight of integer codes in groups.
///
/// Groups of whole strips of [#STRIP] numbers are taken, so that a group's scale and zero are read
/// once for the vectors of it. Other groups go through the kernel beneath.
final class SkinnyGrouped {
  /// Numbers of a row that a step of the loops reads: two vectors of sixteen lanes.
  static final int STRIP = 32;

  private SkinnyGrouped() {}

  static boolean takes(SkinnyProduct.Grouped w) {
    return SkinnyNf4.KNOWN && w.cols() % STRIP == 0 && w.group() % STRIP == 0;
  }

  /// Copies rows of x, their columns in the order in which a weight is stored.
  static void gather(Tensor x, Tensor order, Tensor to) {
    MemorySegment columns = order.data();
    boolean low = x.dtype() == Dtype.BF16;
    for (int r = 0; r < x.rows(); r++) {
      long from = r * x.rowStride();
      long at = r * to.rowStride();
      for (int i = 0; i < x.cols(); i++) {
        long col = from + columns.get(JAVA_INT_UNALIGNED, 4L * i);
        if (low) {
          short v = x.data().get(JAVA_SHORT_UNALIGNED, 2 * col);
          to.data().set(JAVA_SHORT_UNALIGNED, 2 * (at + i), v);
        } else {
          float v = x.data().get(JAVA_FLOAT_UNALIGNED, 4 * col);
          to.data().set(JAVA_FLOAT_UNALIGNED, 4 * (at + i), v);
        }
      }
    }
  }

  /// @param x rows as [VectorSkinnyProduct] arranges them, `stride` bytes apart
  /// @param one whether there is one row
  static void multiply(
      SkinnyProduct.Grouped w,
      MemorySegment x,
      int stride,
      boolean one,
      Dtype compute,
      int from,
      int to,
      VectorSkinnyProduct.Out out) {
    float[] sums = Scratch.get().sums;
    float round = compute == Dtype.BF16 ? 65537 : 1;
    MemorySegment codes = w.codes().data();
    MemorySegment scales = w.scales().data();
    MemorySegment zeros = w.zeros().data();
    int strips = w.cols() / STRIP;
    int each = w.group() / STRIP;
    long bytes = w.codes().rowStride();
    int groups = w.scales().cols();
    for (int o = from; o < to; o++) {
      long at = o * bytes;
      long g = (long) o * groups;
      if (w.bits() == 8) {
        if (one) {
          out.put(0, o, SkinnyGrouped8.one(codes, at, scales, zeros, g, x, strips, each, round));
        } else {
          SkinnyGrouped8.four(codes, at, scales, zeros, g, x, stride, strips, each, round, sums);
          out.put(o, sums);
        }
      } else if (one) {
        out.put(0, o, SkinnyGrouped4.one(codes, at, scales, zeros, g, x, strips, each, round));
      } else {
        SkinnyGrouped4.four(codes, at, scales, zeros, g, x, stride, strips, each, round, sums);
        out.put(o, sums);
      }
    }
  }
}
