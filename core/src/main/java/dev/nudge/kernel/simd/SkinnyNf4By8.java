package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.BY_1;
import static dev.nudge.kernel.simd.Species.BY_2;
import static dev.nudge.kernel.simd.Species.BY_4;
import static dev.nudge.kernel.simd.Species.F;
import static dev.nudge.kernel.simd.Species.I;
import static dev.nudge.kernel.simd.Species.LE;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_B2I;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/// Computes dot products with an NF4 weight row on vectors of eight lanes: a block's sixteen
/// values are two vectors, and the upper bit of a code selects one of them.
///
/// A loop over the quarters of a block costs a third of the speed for one row, and four rows
/// unrolled are too long to compile; so one row is unrolled, and four are not.
final class SkinnyNf4By8 {
  private static final VectorSpecies<Byte> B = VectorSpecies.of(byte.class, VectorShape.S_64_BIT);
  private static final FloatVector LOW = SkinnyNf4.levels(0);
  private static final FloatVector HIGH = SkinnyNf4.levels(8);

  private SkinnyNf4By8() {}

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
      FloatVector lowValues = LOW.mul(scales[from + b]);
      FloatVector lowSpread = lowValues.mul(round);
      IntVector low = lowSpread.sub(lowSpread.sub(lowValues)).reinterpretAsInts();
      FloatVector highValues = HIGH.mul(scales[from + b]);
      FloatVector highSpread = highValues.mul(round);
      IntVector high = highSpread.sub(highSpread.sub(highValues)).reinterpretAsInts();
      long to = 256L * b;
      IntVector pairs0 =
          (IntVector)
              ByteVector.fromMemorySegment(B, w, at + 32L * b + 0, LE)
                  .convertShape(ZERO_EXTEND_B2I, I, 0);
      IntVector codes0 = pairs0.lanewise(LSHR, 4);
      FloatVector first0 =
          codes0
              .selectFrom(low)
              .blend(codes0.selectFrom(high), codes0.compare(GT, 7))
              .reinterpretAsFloats();
      IntVector others0 = pairs0.and(15);
      FloatVector second0 =
          others0
              .selectFrom(low)
              .blend(others0.selectFrom(high), others0.compare(GT, 7))
              .reinterpretAsFloats();
      even = first0.fma(FloatVector.fromMemorySegment(F, x, to + 0, LE), even);
      odd = second0.fma(FloatVector.fromMemorySegment(F, x, to + 32, LE), odd);
      IntVector pairs1 =
          (IntVector)
              ByteVector.fromMemorySegment(B, w, at + 32L * b + 8, LE)
                  .convertShape(ZERO_EXTEND_B2I, I, 0);
      IntVector codes1 = pairs1.lanewise(LSHR, 4);
      FloatVector first1 =
          codes1
              .selectFrom(low)
              .blend(codes1.selectFrom(high), codes1.compare(GT, 7))
              .reinterpretAsFloats();
      IntVector others1 = pairs1.and(15);
      FloatVector second1 =
          others1
              .selectFrom(low)
              .blend(others1.selectFrom(high), others1.compare(GT, 7))
              .reinterpretAsFloats();
      even = first1.fma(FloatVector.fromMemorySegment(F, x, to + 64, LE), even);
      odd = second1.fma(FloatVector.fromMemorySegment(F, x, to + 96, LE), odd);
      IntVector pairs2 =
          (IntVector)
              ByteVector.fromMemorySegment(B, w, at + 32L * b + 16, LE)
                  .convertShape(ZERO_EXTEND_B2I, I, 0);
      IntVector codes2 = pairs2.lanewise(LSHR, 4);
      FloatVector first2 =
          codes2
              .selectFrom(low)
              .blend(codes2.selectFrom(high), codes2.compare(GT, 7))
              .reinterpretAsFloats();
      IntVector others2 = pairs2.and(15);
      FloatVector second2 =
          others2
              .selectFrom(low)
              .blend(others2.selectFrom(high), others2.compare(GT, 7))
              .reinterpretAsFloats();
      even = first2.fma(FloatVector.fromMemorySegment(F, x, to + 128, LE), even);
      odd = second2.fma(FloatVector.fromMemorySegment(F, x, to + 160, LE), odd);
      IntVector pairs3 =
          (IntVector)
              ByteVector.fromMemorySegment(B, w, at + 32L * b + 24, LE)
                  .convertShape(ZERO_EXTEND_B2I, I, 0);
      IntVector codes3 = pairs3.lanewise(LSHR, 4);
      FloatVector first3 =
          codes3
              .selectFrom(low)
              .blend(codes3.selectFrom(high), codes3.compare(GT, 7))
              .reinterpretAsFloats();
      IntVector others3 = pairs3.and(15);
      FloatVector second3 =
          others3
              .selectFrom(low)
              .blend(others3.selectFrom(high), others3.compare(GT, 7))
              .reinterpretAsFloats();
      even = first3.fma(FloatVector.fromMemorySegment(F, x, to + 192, LE), even);
      odd = second3.fma(FloatVector.fromMemorySegment(F, x, to + 224, LE), odd);
    }
    FloatVector sum = even.add(odd);
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
      FloatVector lowValues = LOW.mul(scales[from + b]);
      FloatVector lowSpread = lowValues.mul(round);
      IntVector low = lowSpread.sub(lowSpread.sub(lowValues)).reinterpretAsInts();
      FloatVector highValues = HIGH.mul(scales[from + b]);
      FloatVector highSpread = highValues.mul(round);
      IntVector high = highSpread.sub(highSpread.sub(highValues)).reinterpretAsInts();
      for (int step = 4 * b; step < 4 * b + 4; step++) {
        IntVector pairs =
            (IntVector)
                ByteVector.fromMemorySegment(B, w, at + 8L * step, LE)
                    .convertShape(ZERO_EXTEND_B2I, I, 0);
        IntVector codes = pairs.lanewise(LSHR, 4);
        IntVector others = pairs.and(15);
        FloatVector first =
            codes
                .selectFrom(low)
                .blend(codes.selectFrom(high), codes.compare(GT, 7))
                .reinterpretAsFloats();
        FloatVector second =
            others
                .selectFrom(low)
                .blend(others.selectFrom(high), others.compare(GT, 7))
                .reinterpretAsFloats();
        long to = 64L * step;
        even0 = first.fma(FloatVector.fromMemorySegment(F, x, to, LE), even0);
        odd0 = second.fma(FloatVector.fromMemorySegment(F, x, to + 32, LE), odd0);
        even1 = first.fma(FloatVector.fromMemorySegment(F, x, stride + to, LE), even1);
        odd1 = second.fma(FloatVector.fromMemorySegment(F, x, stride + to + 32, LE), odd1);
        even2 = first.fma(FloatVector.fromMemorySegment(F, x, 2 * stride + to, LE), even2);
        odd2 = second.fma(FloatVector.fromMemorySegment(F, x, 2 * stride + to + 32, LE), odd2);
        even3 = first.fma(FloatVector.fromMemorySegment(F, x, 3 * stride + to, LE), even3);
        odd3 = second.fma(FloatVector.fromMemorySegment(F, x, 3 * stride + to + 32, LE), odd3);
      }
    }
    FloatVector sum0 = even0.add(odd0);
    sum0 = sum0.add(sum0.rearrange(BY_4));
    sum0 = sum0.add(sum0.rearrange(BY_2));
    sum0 = sum0.add(sum0.rearrange(BY_1));
    sums[0] = sum0.lane(0);
    FloatVector sum1 = even1.add(odd1);
    sum1 = sum1.add(sum1.rearrange(BY_4));
    sum1 = sum1.add(sum1.rearrange(BY_2));
    sum1 = sum1.add(sum1.rearrange(BY_1));
    sums[1] = sum1.lane(0);
    FloatVector sum2 = even2.add(odd2);
    sum2 = sum2.add(sum2.rearrange(BY_4));
    sum2 = sum2.add(sum2.rearrange(BY_2));
    sum2 = sum2.add(sum2.rearrange(BY_1));
    sums[2] = sum2.lane(0);
    FloatVector sum3 = even3.add(odd3);
    sum3 = sum3.add(sum3.rearrange(BY_4));
    sum3 = sum3.add(sum3.rearrange(BY_2));
    sum3 = sum3.add(sum3.rearrange(BY_1));
    sums[3] = sum3.lane(0);
  }
}
