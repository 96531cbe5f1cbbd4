package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.BY_1;
import static dev.nudge.kernel.simd.Species.BY_2;
import static dev.nudge.kernel.simd.Species.BY_4;
import static dev.nudge.kernel.simd.Species.BY_8;
import static dev.nudge.kernel.simd.Species.F;
import static dev.nudge.kernel.simd.Species.I;
import static dev.nudge.kernel.simd.Species.LE;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_B2I;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/// Computes dot products with an NF4 weight row on vectors of sixteen lanes: a block's sixteen
/// values are one vector, and decoding is a permutation of it.
///
/// Values are rounded to bf16 by 2¹⁶ + 1 as `round`: v·round − (v·round − v) is the nearest float
/// of eight bits, ties to even, for any v whose product is a normal float; 1 leaves them
/// unrounded. Indices of a permutation wrap, so a byte's upper half need not be masked.
final class SkinnyNf4By16 {
  private static final VectorSpecies<Byte> B = VectorSpecies.of(byte.class, VectorShape.S_128_BIT);
  private static final FloatVector LEVELS = SkinnyNf4.levels(0);

  private SkinnyNf4By16() {}

  /// The sum over `blocks` blocks at `at`.
  static float one(
      MemorySegment w,
      long at,
      float[] scales,
      int from,
      MemorySegment x,
      int blocks,
      float round) {
    FloatVector even = FloatVector.zero(F);
    FloatVector odd = FloatVector.zero(F);
    for (int b = 0; b < blocks; b++) {
      FloatVector values = LEVELS.mul(scales[from + b]);
      FloatVector spread = values.mul(round);
      IntVector table = spread.sub(spread.sub(values)).reinterpretAsInts();
      long to = 256L * b;
      IntVector pairs0 =
          (IntVector)
              ByteVector.fromMemorySegment(B, w, at + 32L * b + 0, LE)
                  .convertShape(ZERO_EXTEND_B2I, I, 0);
      FloatVector first0 = pairs0.lanewise(LSHR, 4).selectFrom(table).reinterpretAsFloats();
      FloatVector second0 = pairs0.selectFrom(table).reinterpretAsFloats();
      even = first0.fma(FloatVector.fromMemorySegment(F, x, to + 0, LE), even);
      odd = second0.fma(FloatVector.fromMemorySegment(F, x, to + 64, LE), odd);
      IntVector pairs1 =
          (IntVector)
              ByteVector.fromMemorySegment(B, w, at + 32L * b + 16, LE)
                  .convertShape(ZERO_EXTEND_B2I, I, 0);
      FloatVector first1 = pairs1.lanewise(LSHR, 4).selectFrom(table).reinterpretAsFloats();
      FloatVector second1 = pairs1.selectFrom(table).reinterpretAsFloats();
      even = first1.fma(FloatVector.fromMemorySegment(F, x, to + 128, LE), even);
      odd = second1.fma(FloatVector.fromMemorySegment(F, x, to + 192, LE), odd);
    }
    FloatVector sum = even.add(odd);
    sum = sum.add(sum.rearrange(BY_8));
    sum = sum.add(sum.rearrange(BY_4));
    sum = sum.add(sum.rearrange(BY_2));
    sum = sum.add(sum.rearrange(BY_1));
    return sum.lane(0);
  }

  /// The sums of four rows, `stride` bytes apart.
  static void four(
      MemorySegment w,
      long at,
      float[] scales,
      int from,
      MemorySegment x,
      long stride,
      int blocks,
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
    for (int b = 0; b < blocks; b++) {
      FloatVector values = LEVELS.mul(scales[from + b]);
      FloatVector spread = values.mul(round);
      IntVector table = spread.sub(spread.sub(values)).reinterpretAsInts();
      long to = 256L * b;
      IntVector pairs0 =
          (IntVector)
              ByteVector.fromMemorySegment(B, w, at + 32L * b + 0, LE)
                  .convertShape(ZERO_EXTEND_B2I, I, 0);
      FloatVector first0 = pairs0.lanewise(LSHR, 4).selectFrom(table).reinterpretAsFloats();
      FloatVector second0 = pairs0.selectFrom(table).reinterpretAsFloats();
      even0 = first0.fma(FloatVector.fromMemorySegment(F, x, to + 0, LE), even0);
      odd0 = second0.fma(FloatVector.fromMemorySegment(F, x, to + 64, LE), odd0);
      even1 = first0.fma(FloatVector.fromMemorySegment(F, x, stride + to + 0, LE), even1);
      odd1 = second0.fma(FloatVector.fromMemorySegment(F, x, stride + to + 64, LE), odd1);
      even2 = first0.fma(FloatVector.fromMemorySegment(F, x, 2 * stride + to + 0, LE), even2);
      odd2 = second0.fma(FloatVector.fromMemorySegment(F, x, 2 * stride + to + 64, LE), odd2);
      even3 = first0.fma(FloatVector.fromMemorySegment(F, x, 3 * stride + to + 0, LE), even3);
      odd3 = second0.fma(FloatVector.fromMemorySegment(F, x, 3 * stride + to + 64, LE), odd3);
      IntVector pairs1 =
          (IntVector)
              ByteVector.fromMemorySegment(B, w, at + 32L * b + 16, LE)
                  .convertShape(ZERO_EXTEND_B2I, I, 0);
      FloatVector first1 = pairs1.lanewise(LSHR, 4).selectFrom(table).reinterpretAsFloats();
      FloatVector second1 = pairs1.selectFrom(table).reinterpretAsFloats();
      even0 = first1.fma(FloatVector.fromMemorySegment(F, x, to + 128, LE), even0);
      odd0 = second1.fma(FloatVector.fromMemorySegment(F, x, to + 192, LE), odd0);
      even1 = first1.fma(FloatVector.fromMemorySegment(F, x, stride + to + 128, LE), even1);
      odd1 = second1.fma(FloatVector.fromMemorySegment(F, x, stride + to + 192, LE), odd1);
      even2 = first1.fma(FloatVector.fromMemorySegment(F, x, 2 * stride + to + 128, LE), even2);
      odd2 = second1.fma(FloatVector.fromMemorySegment(F, x, 2 * stride + to + 192, LE), odd2);
      even3 = first1.fma(FloatVector.fromMemorySegment(F, x, 3 * stride + to + 128, LE), even3);
      odd3 = second1.fma(FloatVector.fromMemorySegment(F, x, 3 * stride + to + 192, LE), odd3);
    }
    FloatVector sum0 = even0.add(odd0);
    sum0 = sum0.add(sum0.rearrange(BY_8));
    sum0 = sum0.add(sum0.rearrange(BY_4));
    sum0 = sum0.add(sum0.rearrange(BY_2));
    sum0 = sum0.add(sum0.rearrange(BY_1));
    sums[0] = sum0.lane(0);
    FloatVector sum1 = even1.add(odd1);
    sum1 = sum1.add(sum1.rearrange(BY_8));
    sum1 = sum1.add(sum1.rearrange(BY_4));
    sum1 = sum1.add(sum1.rearrange(BY_2));
    sum1 = sum1.add(sum1.rearrange(BY_1));
    sums[1] = sum1.lane(0);
    FloatVector sum2 = even2.add(odd2);
    sum2 = sum2.add(sum2.rearrange(BY_8));
    sum2 = sum2.add(sum2.rearrange(BY_4));
    sum2 = sum2.add(sum2.rearrange(BY_2));
    sum2 = sum2.add(sum2.rearrange(BY_1));
    sums[2] = sum2.lane(0);
    FloatVector sum3 = even3.add(odd3);
    sum3 = sum3.add(sum3.rearrange(BY_8));
    sum3 = sum3.add(sum3.rearrange(BY_4));
    sum3 = sum3.add(sum3.rearrange(BY_2));
    sum3 = sum3.add(sum3.rearrange(BY_1));
    sums[3] = sum3.lane(0);
  }
}
