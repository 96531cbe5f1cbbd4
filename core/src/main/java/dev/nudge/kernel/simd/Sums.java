package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.BY_1;
import static dev.nudge.kernel.simd.Species.BY_2;
import static dev.nudge.kernel.simd.Species.BY_4;
import static dev.nudge.kernel.simd.Species.BY_8;
import static dev.nudge.kernel.simd.Species.D;
import static dev.nudge.kernel.simd.Species.F;
import static dev.nudge.kernel.simd.Species.FD;
import static dev.nudge.kernel.simd.Species.LANES;
import static dev.nudge.kernel.simd.Species.LE;
import static jdk.incubator.vector.VectorOperators.D2F;
import static jdk.incubator.vector.VectorOperators.F2D;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;

/// Sums strips of floats column by column in doubles, so that thousands of rows cost one rounding.
final class Sums {
  private Sums() {}

  /// Sets `n` doubles to zero.
  static void clear(MemorySegment sum, int n) {
    for (int i = 0; i < n; i += D.length()) {
      DoubleVector.zero(D).intoMemorySegment(sum, 8L * i, LE);
    }
  }

  /// sum[i] += x[i] of `n` floats at `at`.
  static void accumulate(MemorySegment x, long at, MemorySegment sum, int n) {
    for (int i = 0; i < n; i += D.length()) {
      FloatVector a = FloatVector.fromMemorySegment(FD, x, at + 4L * i, LE);
      DoubleVector s = DoubleVector.fromMemorySegment(D, sum, 8L * i, LE);
      s.add(a.convertShape(F2D, D, 0)).intoMemorySegment(sum, 8L * i, LE);
    }
  }

  /// Rounds `n` doubles to floats at `at`.
  static void floats(MemorySegment sum, MemorySegment to, long at, int n) {
    for (int i = 0; i < n; i += D.length()) {
      DoubleVector s = DoubleVector.fromMemorySegment(D, sum, 8L * i, LE);
      s.convertShape(D2F, FD, 0).intoMemorySegment(to, at + 4L * i, LE);
    }
  }

  /// Adds the lanes of each vector that a loop stored in `sums`: sums[row] ← the sum of vector
  /// `row`.
  static void lanes(float[] sums) {
    for (int row = 0; row < VectorSkinnyProduct.SIDE; row++) {
      sums[row] = lanes(sums, row);
    }
  }

  /// Adds the lanes of the vector that a loop stored as number `row` of `sums`: a method must not
  /// take the vector itself (see [Exp#pass]).
  static float lanes(float[] sums, int row) {
    FloatVector sum = FloatVector.fromArray(F, sums, row * LANES);
    if (LANES > 8) {
      sum = sum.add(sum.rearrange(BY_8));
    }
    if (LANES > 4) {
      sum = sum.add(sum.rearrange(BY_4));
    }
    if (LANES > 2) {
      sum = sum.add(sum.rearrange(BY_2));
    }
    return sum.add(sum.rearrange(BY_1)).lane(0);
  }
}
