package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.F;
import static dev.nudge.kernel.simd.Species.I;
import static dev.nudge.kernel.simd.Species.LANES;
import static dev.nudge.kernel.simd.Species.LE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static jdk.incubator.vector.VectorOperators.LSHL;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;

/// Adds a weighted sum of value rows to 2·lanes sums: the P·V of decode attention.
///
/// With bf16 values the sums are in pairs, the even numbers before the odd ones.
final class Weighted {
  private Weighted() {}

  /// sums ← sums + Σ p[j]·values[j], 2·lanes numbers of bf16 rows.
  ///
  /// @param at byte offset of the numbers in the first row
  /// @param stride bytes from row to row
  /// @param left numbers of a row from `at` on
  static void bf16(
      MemorySegment values,
      long at,
      long stride,
      int rows,
      MemorySegment p,
      long from,
      MemorySegment sums,
      long to,
      int left) {
    VectorMask<Integer> in = I.indexInRange(0, left / 2);
    FloatVector even = FloatVector.fromMemorySegment(F, sums, to, LE);
    FloatVector odd = FloatVector.fromMemorySegment(F, sums, to + 4L * LANES, LE);
    for (int j = 0; j < rows; j++) {
      FloatVector weight = FloatVector.broadcast(F, p.get(JAVA_FLOAT_UNALIGNED, from + 4L * j));
      IntVector pairs = IntVector.fromMemorySegment(I, values, at + j * stride, LE, in);
      even = pairs.lanewise(LSHL, 16).reinterpretAsFloats().fma(weight, even);
      odd = pairs.and(0xffff0000).reinterpretAsFloats().fma(weight, odd);
    }
    even.intoMemorySegment(sums, to, LE);
    odd.intoMemorySegment(sums, to + 4L * LANES, LE);
  }

  /// Computes four sums, each with its own weights, and reads each value once.
  ///
  /// @param row floats from a sum's weights to the next one's
  /// @param width floats from sum to sum
  static void four(
      MemorySegment values,
      long at,
      long stride,
      int rows,
      MemorySegment p,
      long from,
      int row,
      MemorySegment sums,
      long to,
      int width,
      int left) {
    VectorMask<Integer> in = I.indexInRange(0, Math.min(LANES, left / 2));
    boolean whole = left >= 2 * LANES;
    long side = 4L * width;
    long next = 4L * row;
    long odd = to + 4L * LANES;
    FloatVector even0 = FloatVector.fromMemorySegment(F, sums, to, LE);
    FloatVector even1 = FloatVector.fromMemorySegment(F, sums, to + side, LE);
    FloatVector even2 = FloatVector.fromMemorySegment(F, sums, to + 2 * side, LE);
    FloatVector even3 = FloatVector.fromMemorySegment(F, sums, to + 3 * side, LE);
    FloatVector odd0 = FloatVector.fromMemorySegment(F, sums, odd, LE);
    FloatVector odd1 = FloatVector.fromMemorySegment(F, sums, odd + side, LE);
    FloatVector odd2 = FloatVector.fromMemorySegment(F, sums, odd + 2 * side, LE);
    FloatVector odd3 = FloatVector.fromMemorySegment(F, sums, odd + 3 * side, LE);
    for (int j = 0; j < rows; j++) {
      IntVector pairs =
          whole
              ? IntVector.fromMemorySegment(I, values, at + j * stride, LE)
              : IntVector.fromMemorySegment(I, values, at + j * stride, LE, in);
      FloatVector low = pairs.lanewise(LSHL, 16).reinterpretAsFloats();
      FloatVector high = pairs.and(0xffff0000).reinterpretAsFloats();
      long own = from + 4L * j;
      FloatVector weight = FloatVector.broadcast(F, p.get(JAVA_FLOAT_UNALIGNED, own));
      even0 = low.fma(weight, even0);
      odd0 = high.fma(weight, odd0);
      weight = FloatVector.broadcast(F, p.get(JAVA_FLOAT_UNALIGNED, own + next));
      even1 = low.fma(weight, even1);
      odd1 = high.fma(weight, odd1);
      weight = FloatVector.broadcast(F, p.get(JAVA_FLOAT_UNALIGNED, own + 2 * next));
      even2 = low.fma(weight, even2);
      odd2 = high.fma(weight, odd2);
      weight = FloatVector.broadcast(F, p.get(JAVA_FLOAT_UNALIGNED, own + 3 * next));
      even3 = low.fma(weight, even3);
      odd3 = high.fma(weight, odd3);
    }
    even0.intoMemorySegment(sums, to, LE);
    even1.intoMemorySegment(sums, to + side, LE);
    even2.intoMemorySegment(sums, to + 2 * side, LE);
    even3.intoMemorySegment(sums, to + 3 * side, LE);
    odd0.intoMemorySegment(sums, odd, LE);
    odd1.intoMemorySegment(sums, odd + side, LE);
    odd2.intoMemorySegment(sums, odd + 2 * side, LE);
    odd3.intoMemorySegment(sums, odd + 3 * side, LE);
  }

  /// sums ← Σ p[j]·rows[j] over rows in fp32 of `width` numbers, whole vectors.
  ///
  /// @param stride bytes from row to row
  /// @param from first byte of the weights, in the rows' segment
  static void joined(
      MemorySegment values,
      long at,
      long stride,
      int rows,
      long from,
      MemorySegment sums,
      int width) {
    for (int c = 0; c < width; c += LANES) {
      FloatVector sum = FloatVector.zero(F);
      for (int j = 0; j < rows; j++) {
        FloatVector row = FloatVector.fromMemorySegment(F, values, at + 4L * c + j * stride, LE);
        float weight = values.get(JAVA_FLOAT_UNALIGNED, from + 4L * j);
        sum = row.fma(FloatVector.broadcast(F, weight), sum);
      }
      sum.intoMemorySegment(sums, 4L * c, LE);
    }
  }

  /// sums ← sums + Σ p[j]·values[j] with fp32 rows, numbers in order.
  static void fp32(
      MemorySegment values,
      long at,
      long stride,
      int rows,
      MemorySegment p,
      long from,
      MemorySegment sums,
      long to,
      int left) {
    VectorMask<Float> low = F.indexInRange(0, left);
    VectorMask<Float> high = F.indexInRange(LANES, left);
    FloatVector first = FloatVector.fromMemorySegment(F, sums, to, LE);
    FloatVector second = FloatVector.fromMemorySegment(F, sums, to + 4L * LANES, LE);
    for (int j = 0; j < rows; j++) {
      FloatVector weight = FloatVector.broadcast(F, p.get(JAVA_FLOAT_UNALIGNED, from + 4L * j));
      long row = at + j * stride;
      first = FloatVector.fromMemorySegment(F, values, row, LE, low).fma(weight, first);
      second =
          FloatVector.fromMemorySegment(F, values, row + 4L * LANES, LE, high).fma(weight, second);
    }
    first.intoMemorySegment(sums, to, LE);
    second.intoMemorySegment(sums, to + 4L * LANES, LE);
  }
}
