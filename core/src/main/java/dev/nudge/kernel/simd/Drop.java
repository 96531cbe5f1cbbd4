package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Shapes.F;
import static dev.nudge.kernel.simd.Shapes.I;
import static dev.nudge.kernel.simd.Shapes.LANES;
import static dev.nudge.kernel.simd.Shapes.LE;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.XOR;

import dev.nudge.kernel.DropoutHash;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/// Drops elements of a strip by [DropoutHash], lane by lane.
///
/// The factor 1 / (1 − p) is a pair of floats, as in [VectorSoftmaxRows], so that y + factor·x is
/// right where the two nearly cancel.
final class Drop {
  /// What the column adds to the hash's start, in lanes.
  private static final IntVector STEPS = IntVector.zero(I).addIndex(1).mul(DropoutHash.COLUMN);

  private Drop() {}

  /// y ← mask·x·factor.
  static void set(
      MemorySegment x,
      long at,
      MemorySegment y,
      long yAt,
      int column,
      int n,
      long key,
      int threshold,
      float high,
      float low) {
    IntVector start = STEPS.add((int) key);
    int upper = (int) (key >>> 32);
    FloatVector h = FloatVector.broadcast(F, high);
    for (int i = 0; i < n; i += LANES) {
      FloatVector a = FloatVector.fromMemorySegment(F, x, at + 4L * i, LE);
      IntVector hash = hash(start.add((column + i) * DropoutHash.COLUMN), upper);
      a.fma(h, a.mul(low))
          .blend(0f, hash.compare(LT, threshold).cast(F))
          .intoMemorySegment(y, yAt + 4L * i, LE);
    }
  }

  /// y += mask·x·factor.
  static void add(
      MemorySegment x,
      long at,
      MemorySegment y,
      long yAt,
      int column,
      int n,
      long key,
      int threshold,
      float high,
      float low) {
    IntVector start = STEPS.add((int) key);
    int upper = (int) (key >>> 32);
    FloatVector h = FloatVector.broadcast(F, high);
    FloatVector l = FloatVector.broadcast(F, low);
    for (int i = 0; i < n; i += LANES) {
      FloatVector a = FloatVector.fromMemorySegment(F, x, at + 4L * i, LE);
      FloatVector b = FloatVector.fromMemorySegment(F, y, yAt + 4L * i, LE);
      IntVector hash = hash(start.add((column + i) * DropoutHash.COLUMN), upper);
      a.fma(l, a.fma(h, b))
          .blend(b, hash.compare(LT, threshold).cast(F))
          .intoMemorySegment(y, yAt + 4L * i, LE);
    }
  }

  private static IntVector hash(IntVector x, int upper) {
    IntVector a = x.lanewise(XOR, x.lanewise(LSHR, 16)).mul(DropoutHash.FIRST);
    IntVector b = a.lanewise(XOR, upper);
    IntVector c = b.lanewise(XOR, b.lanewise(LSHR, 15)).mul(DropoutHash.SECOND);
    return c.lanewise(XOR, c.lanewise(LSHR, 16)).lanewise(LSHR, 8);
  }
}
