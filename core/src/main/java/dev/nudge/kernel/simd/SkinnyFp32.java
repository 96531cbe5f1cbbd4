package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.BY_1;
import static dev.nudge.kernel.simd.Species.BY_2;
import static dev.nudge.kernel.simd.Species.BY_4;
import static dev.nudge.kernel.simd.Species.BY_8;
import static dev.nudge.kernel.simd.Species.F;
import static dev.nudge.kernel.simd.Species.LANES;
import static dev.nudge.kernel.simd.Species.LE;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/// Computes dot products of an fp32 weight row with one row of x, or with four.
final class SkinnyFp32 {
  private SkinnyFp32() {}

  /// The dot product of `cols` numbers at `at` with x at `from`, padded with zeros.
  static float one(MemorySegment w, long at, MemorySegment x, long from, int cols) {
    FloatVector even = FloatVector.zero(F);
    FloatVector odd = FloatVector.zero(F);
    int i = 0;
    for (; i <= cols - 2 * LANES; i += 2 * LANES) {
      FloatVector low = FloatVector.fromMemorySegment(F, w, at + 4L * i, LE);
      FloatVector high = FloatVector.fromMemorySegment(F, w, at + 4L * i + 4L * LANES, LE);
      even = low.fma(FloatVector.fromMemorySegment(F, x, from + 4L * i, LE), even);
      odd = high.fma(FloatVector.fromMemorySegment(F, x, from + 4L * i + 4L * LANES, LE), odd);
    }
    if (i <= cols - LANES) {
      FloatVector low = FloatVector.fromMemorySegment(F, w, at + 4L * i, LE);
      even = low.fma(FloatVector.fromMemorySegment(F, x, from + 4L * i, LE), even);
      i += LANES;
    }
    if (i < cols) {
      VectorMask<Float> rest = F.indexInRange(0, cols - i);
      FloatVector last = FloatVector.fromMemorySegment(F, w, at + 4L * i, LE, rest);
      odd = last.fma(FloatVector.fromMemorySegment(F, x, from + 4L * i, LE), odd);
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

  /// The dot products with four rows of x, `stride` bytes apart.
  static void four(MemorySegment w, long at, MemorySegment x, long stride, int cols, float[] sums) {
    for (int row = 0; row < VectorSkinnyProduct.SIDE; row++) {
      sums[row] = one(w, at, x, row * stride, cols);
    }
  }
}
