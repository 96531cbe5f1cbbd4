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
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_B2I;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/// Computes dot products of a weight row of 8-bit codes in groups with one row of x, or with four.
///
/// Values are rounded as in [SkinnyNf4By16].
final class SkinnyGrouped8 {
  /// Bytes, as many as float lanes.
  private static final VectorSpecies<Byte> B =
      VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, 8 * LANES)));

  private static final int STRIP = SkinnyGrouped.STRIP;

  private SkinnyGrouped8() {}

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
      float round) {
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
    FloatVector sum = even.add(odd);
    if (LANES > 8) {
      sum = sum.add(sum.rearrange(BY_8));
    }
    sum = sum.add(sum.rearrange(BY_4));
    sum = sum.add(sum.rearrange(BY_2));
    sum = sum.add(sum.rearrange(BY_1));
    return sum.lane(0);
  }

  /// The sums of four rows, `stride` bytes apart.
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
    FloatVector sum0 = even0.add(odd0);
    if (LANES > 8) {
      sum0 = sum0.add(sum0.rearrange(BY_8));
    }
    sum0 = sum0.add(sum0.rearrange(BY_4));
    sum0 = sum0.add(sum0.rearrange(BY_2));
    sum0 = sum0.add(sum0.rearrange(BY_1));
    sums[0] = sum0.lane(0);
    FloatVector sum1 = even1.add(odd1);
    if (LANES > 8) {
      sum1 = sum1.add(sum1.rearrange(BY_8));
    }
    sum1 = sum1.add(sum1.rearrange(BY_4));
    sum1 = sum1.add(sum1.rearrange(BY_2));
    sum1 = sum1.add(sum1.rearrange(BY_1));
    sums[1] = sum1.lane(0);
    FloatVector sum2 = even2.add(odd2);
    if (LANES > 8) {
      sum2 = sum2.add(sum2.rearrange(BY_8));
    }
    sum2 = sum2.add(sum2.rearrange(BY_4));
    sum2 = sum2.add(sum2.rearrange(BY_2));
    sum2 = sum2.add(sum2.rearrange(BY_1));
    sums[2] = sum2.lane(0);
    FloatVector sum3 = even3.add(odd3);
    if (LANES > 8) {
      sum3 = sum3.add(sum3.rearrange(BY_8));
    }
    sum3 = sum3.add(sum3.rearrange(BY_4));
    sum3 = sum3.add(sum3.rearrange(BY_2));
    sum3 = sum3.add(sum3.rearrange(BY_1));
    sums[3] = sum3.lane(0);
  }
}
