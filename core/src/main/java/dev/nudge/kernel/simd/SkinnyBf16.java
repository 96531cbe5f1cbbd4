package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.BY_1;
import static dev.nudge.kernel.simd.Species.BY_2;
import static dev.nudge.kernel.simd.Species.BY_4;
import static dev.nudge.kernel.simd.Species.BY_8;
import static dev.nudge.kernel.simd.Species.F;
import static dev.nudge.kernel.simd.Species.I;
import static dev.nudge.kernel.simd.Species.LANES;
import static dev.nudge.kernel.simd.Species.LE;
import static jdk.incubator.vector.VectorOperators.LSHL;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;

/// Computes dot products of a bf16 weight row with one row of x, or with four.
///
/// An int lane holds two numbers: a shift makes the lower one a float, a mask the upper one.
/// Numbers after the last whole vector are loaded with a mask.
final class SkinnyBf16 {
  private static final int UPPER = 0xffff0000;

  private SkinnyBf16() {}

  /// Returns the index of number `i` in a paired row.
  static int place(int i) {
    return i - i % (2 * LANES) + i % (2 * LANES) / 2 + (i & 1) * LANES;
  }

  /// Computes the dot product of `cols` numbers at `at` with x, paired and zero-padded.
  static float one(MemorySegment w, long at, MemorySegment x, int cols) {
    FloatVector even = FloatVector.zero(F);
    FloatVector odd = FloatVector.zero(F);
    int i = 0;
    for (; i <= cols - 2 * LANES; i += 2 * LANES) {
      IntVector pairs = IntVector.fromMemorySegment(I, w, at + 2L * i, LE);
      FloatVector low = pairs.lanewise(LSHL, 16).reinterpretAsFloats();
      FloatVector high = pairs.and(UPPER).reinterpretAsFloats();
      even = low.fma(FloatVector.fromMemorySegment(F, x, 4L * i, LE), even);
      odd = high.fma(FloatVector.fromMemorySegment(F, x, 4L * i + 4L * LANES, LE), odd);
    }
    if (i < cols) {
      VectorMask<Integer> rest = I.indexInRange(0, (cols - i) / 2); // made here: as an argument a
      // mask would be an object a row
      IntVector pairs = IntVector.fromMemorySegment(I, w, at + 2L * i, LE, rest);
      FloatVector low = pairs.lanewise(LSHL, 16).reinterpretAsFloats();
      FloatVector high = pairs.and(UPPER).reinterpretAsFloats();
      even = low.fma(FloatVector.fromMemorySegment(F, x, 4L * i, LE), even);
      odd = high.fma(FloatVector.fromMemorySegment(F, x, 4L * i + 4L * LANES, LE), odd);
    }
    FloatVector sum = even.add(odd);
    if (LANES > 8) {
      sum = sum.add(sum.rearrange(BY_8));
    }
    if (LANES > 4) {
      sum = sum.add(sum.rearrange(BY_4));
    }
    if (LANES > 2) {
      sum = sum.add(sum.rearrange(BY_2));
    }
    sum = sum.add(sum.rearrange(BY_1));
    return sum.lane(0);
  }

  /// Widens and deinterleaves a row: the even numbers of each 2·lanes, then the odd ones;
  /// zero-padded.
  ///
  /// @param cols an even number
  static void apart(MemorySegment x, long at, int cols, MemorySegment to, long first) {
    for (int i = 0; i < cols; i += 2 * LANES) {
      VectorMask<Integer> in = I.indexInRange(0, (cols - i) / 2);
      IntVector pairs = IntVector.fromMemorySegment(I, x, at + 2L * i, LE, in);
      pairs.lanewise(LSHL, 16).intoMemorySegment(to, first + 4L * i, LE);
      pairs.and(UPPER).intoMemorySegment(to, first + 4L * i + 4L * LANES, LE);
    }
  }

  /// The dot products with four rows of x, `stride` bytes apart.
  static void four(MemorySegment w, long at, MemorySegment x, long stride, int cols, float[] sums) {
    FloatVector even0 = FloatVector.zero(F);
    FloatVector odd0 = FloatVector.zero(F);
    FloatVector even1 = FloatVector.zero(F);
    FloatVector odd1 = FloatVector.zero(F);
    FloatVector even2 = FloatVector.zero(F);
    FloatVector odd2 = FloatVector.zero(F);
    FloatVector even3 = FloatVector.zero(F);
    FloatVector odd3 = FloatVector.zero(F);
    int i = 0;
    for (; i <= cols - 2 * LANES; i += 2 * LANES) {
      IntVector pairs = IntVector.fromMemorySegment(I, w, at + 2L * i, LE);
      FloatVector low = pairs.lanewise(LSHL, 16).reinterpretAsFloats();
      FloatVector high = pairs.and(UPPER).reinterpretAsFloats();
      long even = 4L * i;
      long odd = 4L * i + 4L * LANES;
      even0 = low.fma(FloatVector.fromMemorySegment(F, x, even, LE), even0);
      odd0 = high.fma(FloatVector.fromMemorySegment(F, x, odd, LE), odd0);
      even1 = low.fma(FloatVector.fromMemorySegment(F, x, stride + even, LE), even1);
      odd1 = high.fma(FloatVector.fromMemorySegment(F, x, stride + odd, LE), odd1);
      even2 = low.fma(FloatVector.fromMemorySegment(F, x, 2 * stride + even, LE), even2);
      odd2 = high.fma(FloatVector.fromMemorySegment(F, x, 2 * stride + odd, LE), odd2);
      even3 = low.fma(FloatVector.fromMemorySegment(F, x, 3 * stride + even, LE), even3);
      odd3 = high.fma(FloatVector.fromMemorySegment(F, x, 3 * stride + odd, LE), odd3);
    }
    if (i < cols) {
      VectorMask<Integer> rest = I.indexInRange(0, (cols - i) / 2); // made here: as an argument a
      // mask would be an object a row
      IntVector pairs = IntVector.fromMemorySegment(I, w, at + 2L * i, LE, rest);
      FloatVector low = pairs.lanewise(LSHL, 16).reinterpretAsFloats();
      FloatVector high = pairs.and(UPPER).reinterpretAsFloats();
      long even = 4L * i;
      long odd = 4L * i + 4L * LANES;
      even0 = low.fma(FloatVector.fromMemorySegment(F, x, even, LE), even0);
      odd0 = high.fma(FloatVector.fromMemorySegment(F, x, odd, LE), odd0);
      even1 = low.fma(FloatVector.fromMemorySegment(F, x, stride + even, LE), even1);
      odd1 = high.fma(FloatVector.fromMemorySegment(F, x, stride + odd, LE), odd1);
      even2 = low.fma(FloatVector.fromMemorySegment(F, x, 2 * stride + even, LE), even2);
      odd2 = high.fma(FloatVector.fromMemorySegment(F, x, 2 * stride + odd, LE), odd2);
      even3 = low.fma(FloatVector.fromMemorySegment(F, x, 3 * stride + even, LE), even3);
      odd3 = high.fma(FloatVector.fromMemorySegment(F, x, 3 * stride + odd, LE), odd3);
    }
    even0.add(odd0).intoArray(sums, 0);
    even1.add(odd1).intoArray(sums, LANES);
    even2.add(odd2).intoArray(sums, 2 * LANES);
    even3.add(odd3).intoArray(sums, 3 * LANES);
    Sums.lanes(sums);
  }
}
