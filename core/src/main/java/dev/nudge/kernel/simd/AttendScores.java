package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.F;
import static dev.nudge.kernel.simd.Species.I;
import static dev.nudge.kernel.simd.Species.LANES;
import static dev.nudge.kernel.simd.Species.LE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static jdk.incubator.vector.VectorOperators.LSHL;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;

/// Computes scores of bf16 keys with four queries, two keys at a time.
///
/// A dot product ends in a vector of partial sums: eight vectors for two keys. They are reduced
/// together: each fold joins two vectors, so that eight dot products end in one vector, and a fold
/// costs as much for eight as for one.
final class AttendScores {
  /// Columns of a call: straight code is twice as fast as a loop of two rounds.
  static final int COLUMNS = 4 * LANES;

  private static final int UPPER = 0xffff0000;

  // fold by h: lanes without bit h are from one vector, lanes with it from the other
  private static final VectorMask<Float> OTHER_8 = lanesWith(8);
  private static final VectorMask<Float> OTHER_4 = lanesWith(4);
  private static final VectorMask<Float> OTHER_2 = lanesWith(2);
  private static final VectorMask<Float> OTHER_1 = lanesWith(1);
  private static final VectorShuffle<Float> ACROSS_8 = across(8);
  private static final VectorShuffle<Float> ACROSS_4 = across(4);
  private static final VectorShuffle<Float> ACROSS_2 = across(2);
  private static final VectorShuffle<Float> ACROSS_1 = across(1);
  private static final VectorShuffle<Float> EVEN =
      VectorShuffle.fromOp(F, lane -> 2 * lane % LANES);
  private static final VectorShuffle<Float> ODD =
      VectorShuffle.fromOp(F, lane -> 2 * lane % LANES + 1);

  private AttendScores() {}

  private static VectorMask<Float> lanesWith(int bit) {
    long lanes = 0;
    for (int lane = 0; lane < LANES; lane++) {
      lanes |= (lane & bit) != 0 ? 1L << lane : 0;
    }
    return VectorMask.fromLong(F, lanes);
  }

  private static VectorShuffle<Float> across(int bit) {
    return VectorShuffle.fromOp(F, lane -> (lane ^ bit) % LANES);
  }

  /// Whether [#four] supports this dimension.
  static boolean takes(int dim) {
    return (LANES == 16 || LANES == 8) && dim % COLUMNS == 0;
  }

  /// Writes the scores of `rows` keys with four queries over [#COLUMNS] columns, or adds them. If
  /// `rows` is odd, one more number is written for each query.
  ///
  /// @param keys whose first number is at byte `at`, `stride` bytes apart
  /// @param q four queries in pairs, `width` floats apart, the first from byte `from` on
  /// @param to byte offset of the first query's scores in `scores`
  /// @param row floats from query to query
  /// @param spare byte offset of a vector of `scores` that may be overwritten
  static void four(
      MemorySegment keys,
      long at,
      long stride,
      int rows,
      MemorySegment q,
      long from,
      int width,
      MemorySegment scores,
      long to,
      int row,
      long spare,
      boolean add) {
    long sb = from + 4L * width;
    long sc = from + 8L * width;
    long sd = from + 12L * width;
    for (int j = 0; j < rows; j += 2) {
      long one = at + j * stride;
      long two = j + 1 < rows ? one + stride : one;
      IntVector first0 = IntVector.fromMemorySegment(I, keys, one, LE);
      IntVector second0 = IntVector.fromMemorySegment(I, keys, two, LE);
      IntVector first1 = IntVector.fromMemorySegment(I, keys, one + 4L * LANES, LE);
      IntVector second1 = IntVector.fromMemorySegment(I, keys, two + 4L * LANES, LE);
      FloatVector k0 = first0.lanewise(LSHL, 16).reinterpretAsFloats();
      FloatVector k1 = second0.lanewise(LSHL, 16).reinterpretAsFloats();
      FloatVector x = FloatVector.fromMemorySegment(F, q, from, LE);
      FloatVector a0 = k0.mul(x);
      FloatVector a1 = k1.mul(x);
      x = FloatVector.fromMemorySegment(F, q, sb, LE);
      FloatVector b0 = k0.mul(x);
      FloatVector b1 = k1.mul(x);
      x = FloatVector.fromMemorySegment(F, q, sc, LE);
      FloatVector c0 = k0.mul(x);
      FloatVector c1 = k1.mul(x);
      x = FloatVector.fromMemorySegment(F, q, sd, LE);
      FloatVector d0 = k0.mul(x);
      FloatVector d1 = k1.mul(x);
      k0 = first0.and(UPPER).reinterpretAsFloats();
      k1 = second0.and(UPPER).reinterpretAsFloats();
      x = FloatVector.fromMemorySegment(F, q, from + 4L * LANES, LE);
      a0 = k0.fma(x, a0);
      a1 = k1.fma(x, a1);
      x = FloatVector.fromMemorySegment(F, q, sb + 4L * LANES, LE);
      b0 = k0.fma(x, b0);
      b1 = k1.fma(x, b1);
      x = FloatVector.fromMemorySegment(F, q, sc + 4L * LANES, LE);
      c0 = k0.fma(x, c0);
      c1 = k1.fma(x, c1);
      x = FloatVector.fromMemorySegment(F, q, sd + 4L * LANES, LE);
      d0 = k0.fma(x, d0);
      d1 = k1.fma(x, d1);
      k0 = first1.lanewise(LSHL, 16).reinterpretAsFloats();
      k1 = second1.lanewise(LSHL, 16).reinterpretAsFloats();
      x = FloatVector.fromMemorySegment(F, q, from + 8L * LANES, LE);
      a0 = k0.fma(x, a0);
      a1 = k1.fma(x, a1);
      x = FloatVector.fromMemorySegment(F, q, sb + 8L * LANES, LE);
      b0 = k0.fma(x, b0);
      b1 = k1.fma(x, b1);
      x = FloatVector.fromMemorySegment(F, q, sc + 8L * LANES, LE);
      c0 = k0.fma(x, c0);
      c1 = k1.fma(x, c1);
      x = FloatVector.fromMemorySegment(F, q, sd + 8L * LANES, LE);
      d0 = k0.fma(x, d0);
      d1 = k1.fma(x, d1);
      k0 = first1.and(UPPER).reinterpretAsFloats();
      k1 = second1.and(UPPER).reinterpretAsFloats();
      x = FloatVector.fromMemorySegment(F, q, from + 12L * LANES, LE);
      a0 = k0.fma(x, a0);
      a1 = k1.fma(x, a1);
      x = FloatVector.fromMemorySegment(F, q, sb + 12L * LANES, LE);
      b0 = k0.fma(x, b0);
      b1 = k1.fma(x, b1);
      x = FloatVector.fromMemorySegment(F, q, sc + 12L * LANES, LE);
      c0 = k0.fma(x, c0);
      c1 = k1.fma(x, c1);
      x = FloatVector.fromMemorySegment(F, q, sd + 12L * LANES, LE);
      d0 = k0.fma(x, d0);
      d1 = k1.fma(x, d1);
      // vectors in the order a0 a1 b0 b1 c0 c1 d0 d1: each joins the one four, two, one later
      if (LANES == 16) {
        a0 = a0.blend(c0, OTHER_8).add(c0.blend(a0, OTHER_8).rearrange(ACROSS_8));
        a1 = a1.blend(c1, OTHER_8).add(c1.blend(a1, OTHER_8).rearrange(ACROSS_8));
        b0 = b0.blend(d0, OTHER_8).add(d0.blend(b0, OTHER_8).rearrange(ACROSS_8));
        b1 = b1.blend(d1, OTHER_8).add(d1.blend(b1, OTHER_8).rearrange(ACROSS_8));
        a0 = a0.blend(b0, OTHER_4).add(b0.blend(a0, OTHER_4).rearrange(ACROSS_4));
        a1 = a1.blend(b1, OTHER_4).add(b1.blend(a1, OTHER_4).rearrange(ACROSS_4));
        a0 = a0.blend(a1, OTHER_2).add(a1.blend(a0, OTHER_2).rearrange(ACROSS_2));
        a0 = a0.rearrange(EVEN).add(a0.rearrange(ODD));
      } else {
        a0 = a0.blend(c0, OTHER_4).add(c0.blend(a0, OTHER_4).rearrange(ACROSS_4));
        a1 = a1.blend(c1, OTHER_4).add(c1.blend(a1, OTHER_4).rearrange(ACROSS_4));
        b0 = b0.blend(d0, OTHER_4).add(d0.blend(b0, OTHER_4).rearrange(ACROSS_4));
        b1 = b1.blend(d1, OTHER_4).add(d1.blend(b1, OTHER_4).rearrange(ACROSS_4));
        a0 = a0.blend(b0, OTHER_2).add(b0.blend(a0, OTHER_2).rearrange(ACROSS_2));
        a1 = a1.blend(b1, OTHER_2).add(b1.blend(a1, OTHER_2).rearrange(ACROSS_2));
        a0 = a0.blend(a1, OTHER_1).add(a1.blend(a0, OTHER_1).rearrange(ACROSS_1));
      }
      a0.intoMemorySegment(scores, spare, LE);
      for (int s = 0; s < VectorSkinnyProduct.SIDE; s++) {
        long place = to + 4L * (s * row + j);
        if (add) {
          float zero = scores.get(JAVA_FLOAT_UNALIGNED, spare + 8L * s);
          float one1 = scores.get(JAVA_FLOAT_UNALIGNED, spare + 8L * s + 4);
          scores.set(JAVA_FLOAT_UNALIGNED, place, scores.get(JAVA_FLOAT_UNALIGNED, place) + zero);
          scores.set(
              JAVA_FLOAT_UNALIGNED, place + 4, scores.get(JAVA_FLOAT_UNALIGNED, place + 4) + one1);
        } else {
          scores.set(JAVA_LONG_UNALIGNED, place, scores.get(JAVA_LONG_UNALIGNED, spare + 8L * s));
        }
      }
    }
  }
}
