package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.BY_1;
import static dev.nudge.kernel.simd.Species.BY_2;
import static dev.nudge.kernel.simd.Species.BY_4;
import static dev.nudge.kernel.simd.Species.BY_8;
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

import dev.nudge.kernel.FewRows;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/// Multiplies few rows by a weight of integer codes in groups.
///
/// Groups of whole strips of [#STRIP] numbers are taken, so that a group's scale and zero are read
/// once for the vectors of it. Other groups go through the kernel beneath.
///
/// Codes of 4 and of 8 bits go through one loop. A load brings bytes into int lanes. Of 4 bits, the
/// lower and the upper halves of the same bytes are two vectors of codes: x has the numbers of the
/// lower halves first, as [VectorFewRows] arranges them. Of 8 bits, the second vector is loaded
/// from behind the first. Values are rounded as in [FewNf4By16].
final class FewGrouped {
  /// Numbers of a row that a step of the loops reads: two vectors of sixteen lanes.
  static final int STRIP = 32;

  /// Bytes, as many as float lanes.
  private static final VectorSpecies<Byte> B =
      VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, 8 * LANES)));

  private FewGrouped() {}

  static boolean takes(FewRows.Grouped w) {
    return FewNf4.KNOWN && w.cols() % STRIP == 0 && w.group() % STRIP == 0;
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

  /// @param x rows as [VectorFewRows] arranges them, `stride` bytes apart
  /// @param one whether there is one row
  static void multiply(
      FewRows.Grouped w,
      MemorySegment x,
      int stride,
      boolean one,
      Dtype compute,
      int from,
      int to,
      VectorFewRows.Out out) {
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
      if (one) {
        out.put(0, o, one(codes, at, scales, zeros, g, x, strips, each, w.bits(), round));
      } else {
        four(codes, at, scales, zeros, g, x, stride, strips, each, w.bits(), round, sums);
        out.put(o, sums);
      }
    }
  }

  /// The sum over `strips` strips at `at`, `each` of them a group.
  ///
  /// @param first the row's first group
  static float one(
      MemorySegment w,
      long at,
      MemorySegment scales,
      MemorySegment zeros,
      long first,
      MemorySegment x,
      int strips,
      int each,
      int bits,
      float round) {
    FloatVector even = FloatVector.zero(F);
    FloatVector odd = FloatVector.zero(F);
    int mask = (1 << bits) - 1;
    int shift = 8 - bits;
    long step = (long) bits * LANES / 4; // bytes of two vectors of codes
    int pairs = strips * (STRIP / 2) / LANES;
    int group = each * (STRIP / 2) / LANES;
    for (int p = 0, g = 0; p < pairs; g++) {
      float scale = scales.get(JAVA_FLOAT_UNALIGNED, 4 * (first + g));
      float zero = zeros.get(JAVA_BYTE, first + g) & 0xff;
      for (int end = Math.min(pairs, p + group); p < end; p++) {
        IntVector before =
            (IntVector)
                ByteVector.fromMemorySegment(B, w, at + step * p, LE)
                    .convertShape(ZERO_EXTEND_B2I, I, 0);
        IntVector behind =
            (IntVector)
                ByteVector.fromMemorySegment(B, w, at + step * p + step - LANES, LE)
                    .convertShape(ZERO_EXTEND_B2I, I, 0);
        FloatVector low = (FloatVector) before.and(mask).convert(I2F, 0);
        FloatVector high = (FloatVector) behind.lanewise(LSHR, shift).convert(I2F, 0);
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
    FloatVector sum = even.add(odd);
    if (LANES > 8) {
      sum = sum.add(sum.rearrange(BY_8));
    }
    sum = sum.add(sum.rearrange(BY_4));
    sum = sum.add(sum.rearrange(BY_2));
    sum = sum.add(sum.rearrange(BY_1));
    return sum.lane(0);
  }

  /// The sums of four rows, `stride` bytes apart, into the first of `sums`.
  static void four(
      MemorySegment w,
      long at,
      MemorySegment scales,
      MemorySegment zeros,
      long first,
      MemorySegment x,
      long stride,
      int strips,
      int each,
      int bits,
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
    int mask = (1 << bits) - 1;
    int shift = 8 - bits;
    long step = (long) bits * LANES / 4; // bytes of two vectors of codes
    int pairs = strips * (STRIP / 2) / LANES;
    int group = each * (STRIP / 2) / LANES;
    for (int p = 0, g = 0; p < pairs; g++) {
      float scale = scales.get(JAVA_FLOAT_UNALIGNED, 4 * (first + g));
      float zero = zeros.get(JAVA_BYTE, first + g) & 0xff;
      for (int end = Math.min(pairs, p + group); p < end; p++) {
        IntVector before =
            (IntVector)
                ByteVector.fromMemorySegment(B, w, at + step * p, LE)
                    .convertShape(ZERO_EXTEND_B2I, I, 0);
        IntVector behind =
            (IntVector)
                ByteVector.fromMemorySegment(B, w, at + step * p + step - LANES, LE)
                    .convertShape(ZERO_EXTEND_B2I, I, 0);
        FloatVector low = (FloatVector) before.and(mask).convert(I2F, 0);
        FloatVector high = (FloatVector) behind.lanewise(LSHR, shift).convert(I2F, 0);
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
    Sums.fold(sums);
  }
}
