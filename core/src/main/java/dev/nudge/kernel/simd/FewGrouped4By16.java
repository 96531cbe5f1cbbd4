package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.BY_1;
import static dev.nudge.kernel.simd.Species.BY_2;
import static dev.nudge.kernel.simd.Species.BY_4;
import static dev.nudge.kernel.simd.Species.BY_8;
import static dev.nudge.kernel.simd.Species.F;
import static dev.nudge.kernel.simd.Species.I;
import static dev.nudge.kernel.simd.Species.LE;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_B2I;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/// Computes dot products with a weight row of 4-bit codes on vectors of sixteen lanes, as
/// [FewNf4By16] does: the sixteen values that a group's codes stand for are one vector, made once
/// for at most 64 numbers, and decoding is a permutation of it.
///
/// A loop over a group inside one over groups costs more than making the vector again.
final class FewGrouped4By16 {
  private static final VectorSpecies<Byte> B = VectorSpecies.of(byte.class, VectorShape.S_128_BIT);

  /// 0 to 15.
  private static final FloatVector CODES = FloatVector.zero(F).addIndex(1);

  private FewGrouped4By16() {}

  /// The sum over `blocks` blocks of 64 at `at`, 2^`shift` of them a group.
  ///
  /// @param first the row's first group
  static float one(
      MemorySegment w,
      long at,
      MemorySegment scales,
      MemorySegment zeros,
      long first,
      MemorySegment x,
      int blocks,
      int shift,
      float round) {
    FloatVector even = FloatVector.zero(F);
    FloatVector odd = FloatVector.zero(F);
    for (int b = 0; b < blocks; b++) {
      long to = 256L * b;
      long g = first + (b >> shift);
      FloatVector values0 = CODES.sub(zeros.get(JAVA_BYTE, g) & 0xff);
      values0 = values0.mul(scales.get(JAVA_FLOAT_UNALIGNED, 4 * g));
      FloatVector spread0 = values0.mul(round);
      IntVector table0 = spread0.sub(spread0.sub(values0)).reinterpretAsInts();
      IntVector pairs0 =
          (IntVector)
              ByteVector.fromMemorySegment(B, w, at + 32L * b + 0, LE)
                  .convertShape(ZERO_EXTEND_B2I, I, 0);
      FloatVector first0 = pairs0.selectFrom(table0).reinterpretAsFloats();
      FloatVector second0 = pairs0.lanewise(LSHR, 4).selectFrom(table0).reinterpretAsFloats();
      even = first0.fma(FloatVector.fromMemorySegment(F, x, to + 0, LE), even);
      odd = second0.fma(FloatVector.fromMemorySegment(F, x, to + 64, LE), odd);
      IntVector pairs1 =
          (IntVector)
              ByteVector.fromMemorySegment(B, w, at + 32L * b + 16, LE)
                  .convertShape(ZERO_EXTEND_B2I, I, 0);
      FloatVector first1 = pairs1.selectFrom(table0).reinterpretAsFloats();
      FloatVector second1 = pairs1.lanewise(LSHR, 4).selectFrom(table0).reinterpretAsFloats();
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

  /// The same with groups of half a block.
  static float oneSmall(
      MemorySegment w,
      long at,
      MemorySegment scales,
      MemorySegment zeros,
      long first,
      MemorySegment x,
      int blocks,
      float round) {
    FloatVector even = FloatVector.zero(F);
    FloatVector odd = FloatVector.zero(F);
    for (int b = 0; b < blocks; b++) {
      long to = 256L * b;
      FloatVector values0 = CODES.sub(zeros.get(JAVA_BYTE, first + 2L * b) & 0xff);
      values0 = values0.mul(scales.get(JAVA_FLOAT_UNALIGNED, 4 * (first + 2L * b)));
      FloatVector spread0 = values0.mul(round);
      IntVector table0 = spread0.sub(spread0.sub(values0)).reinterpretAsInts();
      FloatVector values1 = CODES.sub(zeros.get(JAVA_BYTE, first + 2L * b + 1) & 0xff);
      values1 = values1.mul(scales.get(JAVA_FLOAT_UNALIGNED, 4 * (first + 2L * b + 1)));
      FloatVector spread1 = values1.mul(round);
      IntVector table1 = spread1.sub(spread1.sub(values1)).reinterpretAsInts();
      IntVector pairs0 =
          (IntVector)
              ByteVector.fromMemorySegment(B, w, at + 32L * b + 0, LE)
                  .convertShape(ZERO_EXTEND_B2I, I, 0);
      FloatVector first0 = pairs0.selectFrom(table0).reinterpretAsFloats();
      FloatVector second0 = pairs0.lanewise(LSHR, 4).selectFrom(table0).reinterpretAsFloats();
      even = first0.fma(FloatVector.fromMemorySegment(F, x, to + 0, LE), even);
      odd = second0.fma(FloatVector.fromMemorySegment(F, x, to + 64, LE), odd);
      IntVector pairs1 =
          (IntVector)
              ByteVector.fromMemorySegment(B, w, at + 32L * b + 16, LE)
                  .convertShape(ZERO_EXTEND_B2I, I, 0);
      FloatVector first1 = pairs1.selectFrom(table1).reinterpretAsFloats();
      FloatVector second1 = pairs1.lanewise(LSHR, 4).selectFrom(table1).reinterpretAsFloats();
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
      MemorySegment scales,
      MemorySegment zeros,
      long first,
      MemorySegment x,
      long stride,
      int blocks,
      int shift,
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
      long to = 256L * b;
      long g = first + (b >> shift);
      FloatVector values0 = CODES.sub(zeros.get(JAVA_BYTE, g) & 0xff);
      values0 = values0.mul(scales.get(JAVA_FLOAT_UNALIGNED, 4 * g));
      FloatVector spread0 = values0.mul(round);
      IntVector table0 = spread0.sub(spread0.sub(values0)).reinterpretAsInts();
      IntVector pairs0 =
          (IntVector)
              ByteVector.fromMemorySegment(B, w, at + 32L * b + 0, LE)
                  .convertShape(ZERO_EXTEND_B2I, I, 0);
      FloatVector first0 = pairs0.selectFrom(table0).reinterpretAsFloats();
      FloatVector second0 = pairs0.lanewise(LSHR, 4).selectFrom(table0).reinterpretAsFloats();
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
      FloatVector first1 = pairs1.selectFrom(table0).reinterpretAsFloats();
      FloatVector second1 = pairs1.lanewise(LSHR, 4).selectFrom(table0).reinterpretAsFloats();
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

  /// The same with groups of half a block.
  static void fourSmall(
      MemorySegment w,
      long at,
      MemorySegment scales,
      MemorySegment zeros,
      long first,
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
      long to = 256L * b;
      FloatVector values0 = CODES.sub(zeros.get(JAVA_BYTE, first + 2L * b) & 0xff);
      values0 = values0.mul(scales.get(JAVA_FLOAT_UNALIGNED, 4 * (first + 2L * b)));
      FloatVector spread0 = values0.mul(round);
      IntVector table0 = spread0.sub(spread0.sub(values0)).reinterpretAsInts();
      FloatVector values1 = CODES.sub(zeros.get(JAVA_BYTE, first + 2L * b + 1) & 0xff);
      values1 = values1.mul(scales.get(JAVA_FLOAT_UNALIGNED, 4 * (first + 2L * b + 1)));
      FloatVector spread1 = values1.mul(round);
      IntVector table1 = spread1.sub(spread1.sub(values1)).reinterpretAsInts();
      IntVector pairs0 =
          (IntVector)
              ByteVector.fromMemorySegment(B, w, at + 32L * b + 0, LE)
                  .convertShape(ZERO_EXTEND_B2I, I, 0);
      FloatVector first0 = pairs0.selectFrom(table0).reinterpretAsFloats();
      FloatVector second0 = pairs0.lanewise(LSHR, 4).selectFrom(table0).reinterpretAsFloats();
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
      FloatVector first1 = pairs1.selectFrom(table1).reinterpretAsFloats();
      FloatVector second1 = pairs1.lanewise(LSHR, 4).selectFrom(table1).reinterpretAsFloats();
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
