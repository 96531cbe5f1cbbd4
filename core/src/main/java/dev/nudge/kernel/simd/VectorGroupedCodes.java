package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.B;
import static dev.nudge.kernel.simd.Species.I;
import static dev.nudge.kernel.simd.Species.LANES;
import static dev.nudge.kernel.simd.Species.LE;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_B2I;

import dev.nudge.kernel.GroupedCodes;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorShuffle;

/// Dequantises a row of codes to floats, then rounds the row or reorders it by column. The fallback
/// kernel dequantises weights that [SkinnyGrouped] does not support, and outputs other than F32 and
/// BF16.
record VectorGroupedCodes(GroupedCodes under) implements GroupedCodes {
  /// LOWER maps lane i to lane i / 2, UPPER to lane i / 2 of the upper half.
  static final VectorShuffle<Integer> LOWER = VectorShuffle.fromOp(I, i -> i / 2);

  static final VectorShuffle<Integer> UPPER = VectorShuffle.fromOp(I, i -> (LANES + i) / 2);

  /// Shifts that bring the code of each lane to the bottom.
  static final IntVector SHIFTS =
      ((IntVector) VectorShuffle.iota(I, 0, 1, true).toVector()).and(1).mul(4);

  @Override
  public void dequantize(SkinnyProduct.Grouped w, int from, int to, Tensor out) {
    boolean low = out.dtype() == Dtype.BF16;
    if (!SkinnyGrouped.takes(w) || !low && out.dtype() != Dtype.F32) {
      under.dequantize(w, from, to, out);
      return;
    }
    MemorySegment row = Scratch.get().row(4L * w.cols());
    Tensor order = w.order();
    int groups = w.scales().cols();
    for (int r = from; r < to; r++) {
      long at = (long) (r - from) * w.cols();
      boolean there = order == null && !low;
      MemorySegment values = there ? out.data() : row;
      long start = there ? 4 * at : 0;
      long codes = r * w.codes().rowStride();
      for (int g = 0; g < groups; g++) {
        long i = (long) r * groups + g;
        float scale = w.scales().data().get(JAVA_FLOAT_UNALIGNED, 4 * i);
        float zero = w.zeros().data().get(JAVA_BYTE, i) & 0xff;
        int first = g * w.group();
        int last = Math.min(w.cols(), first + w.group());
        if (w.bits() == 8) {
          eight(w.codes().data(), codes, scale, zero, values, start, first, last);
        } else {
          four(w.codes().data(), codes, scale, zero, values, start, first, last);
        }
      }
      if (order != null && low) {
        Narrow.narrow(row, 0, row, 0, w.cols()); // each vector is read before it is overwritten
        scatterHalves(row, order.data(), out.data(), at, w.cols());
      } else if (order != null) {
        scatter(row, order.data(), out.data(), at, w.cols());
      } else if (low) {
        Narrow.narrow(row, 0, out.data(), 2 * at, w.cols());
      }
    }
  }

  @Override
  public void dequantize(SkinnyProduct.Powers w, int from, int to, Tensor out) {
    boolean low = out.dtype() == Dtype.BF16;
    if (!low && out.dtype() != Dtype.F32) {
      under.dequantize(w, from, to, out);
      return;
    }
    MemorySegment row = low ? Scratch.get().row(4L * w.cols()) : out.data();
    for (int r = from; r < to; r++) {
      long at = (long) (r - from) * w.cols();
      SkinnyMxfp4.read(w, r, false, row, low ? 0 : 4 * at);
      if (low) {
        Narrow.narrow(row, 0, out.data(), 2 * at, w.cols());
      }
    }
  }

  private static void four(
      MemorySegment w,
      long at,
      float scale,
      float zero,
      MemorySegment to,
      long start,
      int first,
      int last) {
    for (int i = first; i < last; i += 2 * LANES) {
      IntVector pairs =
          (IntVector)
              ByteVector.fromMemorySegment(B, w, at + i / 2, LE)
                  .convertShape(ZERO_EXTEND_B2I, I, 0);
      IntVector lower = pairs.rearrange(LOWER).lanewise(LSHR, SHIFTS).and(15);
      IntVector upper = pairs.rearrange(UPPER).lanewise(LSHR, SHIFTS).and(15);
      FloatVector a = (FloatVector) lower.convert(I2F, 0);
      FloatVector b = (FloatVector) upper.convert(I2F, 0);
      a.sub(zero).mul(scale).intoMemorySegment(to, start + 4L * i, LE);
      b.sub(zero).mul(scale).intoMemorySegment(to, start + 4L * (i + LANES), LE);
    }
  }

  private static void eight(
      MemorySegment w,
      long at,
      float scale,
      float zero,
      MemorySegment to,
      long start,
      int first,
      int last) {
    for (int i = first; i < last; i += LANES) {
      FloatVector codes =
          (FloatVector)
              ByteVector.fromMemorySegment(B, w, at + i, LE)
                  .convertShape(ZERO_EXTEND_B2I, I, 0)
                  .convert(I2F, 0);
      codes.sub(zero).mul(scale).intoMemorySegment(to, start + 4L * i, LE);
    }
  }

  private static void scatter(
      MemorySegment row, MemorySegment order, MemorySegment out, long at, int n) {
    for (int i = 0; i < n; i++) {
      long to = at + order.get(JAVA_INT_UNALIGNED, 4L * i);
      out.set(JAVA_FLOAT_UNALIGNED, 4 * to, row.get(JAVA_FLOAT_UNALIGNED, 4L * i));
    }
  }

  private static void scatterHalves(
      MemorySegment row, MemorySegment order, MemorySegment out, long at, int n) {
    for (int i = 0; i < n; i++) {
      long to = at + order.get(JAVA_INT_UNALIGNED, 4L * i);
      out.set(JAVA_SHORT_UNALIGNED, 2 * to, row.get(JAVA_SHORT_UNALIGNED, 2L * i));
    }
  }
}
