package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.F;
import static dev.nudge.kernel.simd.Species.I;
import static dev.nudge.kernel.simd.Species.LANES;
import static dev.nudge.kernel.simd.Species.LE;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.XOR;

import dev.nudge.kernel.DropoutHash;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/// Applies the dropout mask of [DropoutHash] to a strip.
///
/// The factor 1 / (1 − p) is a pair of floats, as in [VectorSoftmaxRows], so that y + factor·x is
/// right even if the two nearly cancel.
final class Drop {
  /// What the column adds to the hash's start, in lanes.
  private static final IntVector STEPS = IntVector.zero(I).addIndex(1).mul(DropoutHash.COLUMN);

  private Drop() {}

  /// to[i] ← 1 where the element in column `column` + i is kept, else 0.
  static void mask(MemorySegment to, int column, int n, long key, int threshold) {
    IntVector start = STEPS.add((int) key);
    int upper = (int) (key >>> 32);
    FloatVector one = FloatVector.broadcast(F, 1f);
    for (int i = 0; i < n; i += LANES) {
      IntVector x = start.add((column + i) * DropoutHash.COLUMN);
      x = x.lanewise(XOR, x.lanewise(LSHR, 16)).mul(DropoutHash.FIRST);
      x = x.lanewise(XOR, upper);
      x = x.lanewise(XOR, x.lanewise(LSHR, 15)).mul(DropoutHash.SECOND);
      x = x.lanewise(XOR, x.lanewise(LSHR, 16)).lanewise(LSHR, 8);
      one.blend(0f, x.compare(LT, threshold).cast(F)).intoMemorySegment(to, 4L * i, LE);
    }
  }

  /// y ← mask·x·factor.
  static void set(
      MemorySegment mask,
      MemorySegment x,
      long at,
      MemorySegment y,
      long yAt,
      int n,
      float high,
      float low) {
    FloatVector h = FloatVector.broadcast(F, high);
    for (int i = 0; i < n; i += LANES) {
      FloatVector a = FloatVector.fromMemorySegment(F, x, at + 4L * i, LE);
      FloatVector m = FloatVector.fromMemorySegment(F, mask, 4L * i, LE);
      FloatVector kept = a.fma(h, a.mul(low));
      kept.blend(0f, m.compare(EQ, 0f)).intoMemorySegment(y, yAt + 4L * i, LE);
    }
  }

  /// y += mask·x·factor.
  static void add(
      MemorySegment mask,
      MemorySegment x,
      long at,
      MemorySegment y,
      long yAt,
      int n,
      float high,
      float low) {
    FloatVector h = FloatVector.broadcast(F, high);
    FloatVector l = FloatVector.broadcast(F, low);
    for (int i = 0; i < n; i += LANES) {
      FloatVector a = FloatVector.fromMemorySegment(F, x, at + 4L * i, LE);
      FloatVector b = FloatVector.fromMemorySegment(F, y, yAt + 4L * i, LE);
      FloatVector m = FloatVector.fromMemorySegment(F, mask, 4L * i, LE);
      FloatVector added = a.fma(l, a.fma(h, b));
      added.blend(b, m.compare(EQ, 0f)).intoMemorySegment(y, yAt + 4L * i, LE);
    }
  }
}
