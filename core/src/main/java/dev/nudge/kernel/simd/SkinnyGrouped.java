package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.B;
import static dev.nudge.kernel.simd.Species.F;
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

import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/// Multiplies few rows by a weight of integer codes in groups.
///
/// Groups must be whole strips of [#STRIP] numbers, so that a group's scale and zero are read once
/// for all its vectors. The fallback kernel multiplies other groups. Values are rounded as in
/// [SkinnyNf4].
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
      if (w.bits() == 8 && one) {
        out.put(0, o, oneOf8(codes, at, scales, zeros, g, x, strips, each, round, sums));
      } else if (w.bits() == 8) {
        fourOf8(codes, at, scales, zeros, g, x, stride, strips, each, round, sums);
        out.put(o, sums);
      } else if (one) {
        out.put(0, o, oneOf4(codes, at, scales, zeros, g, x, strips, each, round, sums));
      } else {
        fourOf4(codes, at, scales, zeros, g, x, stride, strips, each, round, sums);
        out.put(o, sums);
      }
    }
  }

  /// Sums over `strips` strips of 4-bit codes at `at`, `each` strips a group. An int lane loads two
  /// codes; x holds the numbers of the low halves first, as [VectorSkinnyProduct] arranges them.
  ///
  /// @param first the row's first group
  private static float oneOf4(
      MemorySegment w,
      long at,
      MemorySegment scales,
      MemorySegment zeros,
      long first,
      MemorySegment x,
      int strips,
      int each,
      float round,
      float[] sums) {
    FloatVector even = FloatVector.zero(F);
    FloatVector odd = FloatVector.zero(F);
    int pairs = strips * (STRIP / 2) / LANES;
    int group = each * (STRIP / 2) / LANES;
    for (int p = 0, g = 0; p < pairs; g++) {
      float scale = scales.get(JAVA_FLOAT_UNALIGNED, 4 * (first + g));
      float zero = zeros.get(JAVA_BYTE, first + g) & 0xff;
      for (int end = Math.min(pairs, p + group); p < end; p++) {
        IntVector codes =
            (IntVector)
                ByteVector.fromMemorySegment(B, w, at + (long) LANES * p, LE)
                    .convertShape(ZERO_EXTEND_B2I, I, 0);
        FloatVector low = (FloatVector) codes.and(15).convert(I2F, 0);
        FloatVector high = (FloatVector) codes.lanewise(LSHR, 4).convert(I2F, 0);
        low = low.sub(zero).mul(scale);
        high = high.sub(zero).mul(scale);
        FloatVector lowSpread = low.mul(round);
        FloatVector highSpread = high.mul(round);
        low = lowSpread.sub(lowSpread.sub(low));
        high = highSpread.sub(highSpread.sub(high));
        long to = 8L * LANES * p;
        even = low.fma(FloatVector.fromMemorySegment(F, x, to, LE), even);
        odd = high.fma(FloatVector.fromMemorySegment(F, x, to + 4L * LANES, LE), odd);
      }
    }
    even.add(odd).intoArray(sums, 0);
    return Sums.lanes(sums, 0);
  }

  /// The sums of four rows, `stride` bytes apart.
  private static void fourOf4(
      MemorySegment w,
      long at,
      MemorySegment scales,
      MemorySegment zeros,
      long first,
      MemorySegment x,
      long stride,
      int strips,
      int each,
      float round,
      float[] sums) {
    FloatVector even0 = FloatVector.zero(F);
    FloatVector odd0 = FloatVector.zero(F);
    FloatVector even1 = FloatVector.zero(F);
    FloatVector odd1 = FloatVector.zero(F);
    FloatVector even2 = FloatVector.zero(F);
    FloatVector odd2 = FloatVector.zero(F);
    FloatVector even3 = FloatVector.zero(F);
    FloatVector odd3 = FloatVector.zero(F);
    int pairs = strips * (STRIP / 2) / LANES;
    int group = each * (STRIP / 2) / LANES;
    for (int p = 0, g = 0; p < pairs; g++) {
      float scale = scales.get(JAVA_FLOAT_UNALIGNED, 4 * (first + g));
      float zero = zeros.get(JAVA_BYTE, first + g) & 0xff;
      for (int end = Math.min(pairs, p + group); p < end; p++) {
        IntVector codes =
            (IntVector)
                ByteVector.fromMemorySegment(B, w, at + (long) LANES * p, LE)
                    .convertShape(ZERO_EXTEND_B2I, I, 0);
        FloatVector low = (FloatVector) codes.and(15).convert(I2F, 0);
        FloatVector high = (FloatVector) codes.lanewise(LSHR, 4).convert(I2F, 0);
        low = low.sub(zero).mul(scale);
        high = high.sub(zero).mul(scale);
        FloatVector lowSpread = low.mul(round);
        FloatVector highSpread = high.mul(round);
        low = lowSpread.sub(lowSpread.sub(low));
        high = highSpread.sub(highSpread.sub(high));
        long to = 8L * LANES * p;
        even0 = low.fma(FloatVector.fromMemorySegment(F, x, to, LE), even0);
        odd0 = high.fma(FloatVector.fromMemorySegment(F, x, to + 4L * LANES, LE), odd0);
        even1 = low.fma(FloatVector.fromMemorySegment(F, x, stride + to, LE), even1);
        odd1 = high.fma(FloatVector.fromMemorySegment(F, x, stride + to + 4L * LANES, LE), odd1);
        even2 = low.fma(FloatVector.fromMemorySegment(F, x, 2 * stride + to, LE), even2);
        odd2 =
            high.fma(FloatVector.fromMemorySegment(F, x, 2 * stride + to + 4L * LANES, LE), odd2);
        even3 = low.fma(FloatVector.fromMemorySegment(F, x, 3 * stride + to, LE), even3);
        odd3 =
            high.fma(FloatVector.fromMemorySegment(F, x, 3 * stride + to + 4L * LANES, LE), odd3);
      }
    }
    even0.add(odd0).intoArray(sums, 0);
    even1.add(odd1).intoArray(sums, LANES);
    even2.add(odd2).intoArray(sums, 2 * LANES);
    even3.add(odd3).intoArray(sums, 3 * LANES);
    Sums.lanes(sums);
  }

  /// Sums over 8-bit codes.
  private static float oneOf8(
      MemorySegment w,
      long at,
      MemorySegment scales,
      MemorySegment zeros,
      long first,
      MemorySegment x,
      int strips,
      int each,
      float round,
      float[] sums) {
    FloatVector even = FloatVector.zero(F);
    FloatVector odd = FloatVector.zero(F);
    int pairs = strips * (STRIP / 2) / LANES;
    int group = each * (STRIP / 2) / LANES;
    for (int p = 0, g = 0; p < pairs; g++) {
      float scale = scales.get(JAVA_FLOAT_UNALIGNED, 4 * (first + g));
      float zero = zeros.get(JAVA_BYTE, first + g) & 0xff;
      for (int end = Math.min(pairs, p + group); p < end; p++) {
        FloatVector low =
            (FloatVector)
                ByteVector.fromMemorySegment(B, w, at + 2L * LANES * p, LE)
                    .convertShape(ZERO_EXTEND_B2I, I, 0)
                    .convert(I2F, 0);
        FloatVector high =
            (FloatVector)
                ByteVector.fromMemorySegment(B, w, at + 2L * LANES * p + LANES, LE)
                    .convertShape(ZERO_EXTEND_B2I, I, 0)
                    .convert(I2F, 0);
        low = low.sub(zero).mul(scale);
        high = high.sub(zero).mul(scale);
        FloatVector lowSpread = low.mul(round);
        FloatVector highSpread = high.mul(round);
        low = lowSpread.sub(lowSpread.sub(low));
        high = highSpread.sub(highSpread.sub(high));
        long to = 8L * LANES * p;
        even = low.fma(FloatVector.fromMemorySegment(F, x, to, LE), even);
        odd = high.fma(FloatVector.fromMemorySegment(F, x, to + 4L * LANES, LE), odd);
      }
    }
    even.add(odd).intoArray(sums, 0);
    return Sums.lanes(sums, 0);
  }

  /// The sums of four rows, `stride` bytes apart.
  private static void fourOf8(
      MemorySegment w,
      long at,
      MemorySegment scales,
      MemorySegment zeros,
      long first,
      MemorySegment x,
      long stride,
      int strips,
      int each,
      float round,
      float[] sums) {
    FloatVector even0 = FloatVector.zero(F);
    FloatVector odd0 = FloatVector.zero(F);
    FloatVector even1 = FloatVector.zero(F);
    FloatVector odd1 = FloatVector.zero(F);
    FloatVector even2 = FloatVector.zero(F);
    FloatVector odd2 = FloatVector.zero(F);
    FloatVector even3 = FloatVector.zero(F);
    FloatVector odd3 = FloatVector.zero(F);
    int pairs = strips * (STRIP / 2) / LANES;
    int group = each * (STRIP / 2) / LANES;
    for (int p = 0, g = 0; p < pairs; g++) {
      float scale = scales.get(JAVA_FLOAT_UNALIGNED, 4 * (first + g));
      float zero = zeros.get(JAVA_BYTE, first + g) & 0xff;
      for (int end = Math.min(pairs, p + group); p < end; p++) {
        FloatVector low =
            (FloatVector)
                ByteVector.fromMemorySegment(B, w, at + 2L * LANES * p, LE)
                    .convertShape(ZERO_EXTEND_B2I, I, 0)
                    .convert(I2F, 0);
        FloatVector high =
            (FloatVector)
                ByteVector.fromMemorySegment(B, w, at + 2L * LANES * p + LANES, LE)
                    .convertShape(ZERO_EXTEND_B2I, I, 0)
                    .convert(I2F, 0);
        low = low.sub(zero).mul(scale);
        high = high.sub(zero).mul(scale);
        FloatVector lowSpread = low.mul(round);
        FloatVector highSpread = high.mul(round);
        low = lowSpread.sub(lowSpread.sub(low));
        high = highSpread.sub(highSpread.sub(high));
        long to = 8L * LANES * p;
        even0 = low.fma(FloatVector.fromMemorySegment(F, x, to, LE), even0);
        odd0 = high.fma(FloatVector.fromMemorySegment(F, x, to + 4L * LANES, LE), odd0);
        even1 = low.fma(FloatVector.fromMemorySegment(F, x, stride + to, LE), even1);
        odd1 = high.fma(FloatVector.fromMemorySegment(F, x, stride + to + 4L * LANES, LE), odd1);
        even2 = low.fma(FloatVector.fromMemorySegment(F, x, 2 * stride + to, LE), even2);
        odd2 =
            high.fma(FloatVector.fromMemorySegment(F, x, 2 * stride + to + 4L * LANES, LE), odd2);
        even3 = low.fma(FloatVector.fromMemorySegment(F, x, 3 * stride + to, LE), even3);
        odd3 =
            high.fma(FloatVector.fromMemorySegment(F, x, 3 * stride + to + 4L * LANES, LE), odd3);
      }
    }
    even0.add(odd0).intoArray(sums, 0);
    even1.add(odd1).intoArray(sums, LANES);
    even2.add(odd2).intoArray(sums, 2 * LANES);
    even3.add(odd3).intoArray(sums, 3 * LANES);
    Sums.lanes(sums);
  }
}
