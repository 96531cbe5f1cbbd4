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

/// Adds rows of values, each times a weight, to a sum of 2·lanes numbers: what attention gives.
///
/// Sums lie in pairs, the even numbers before the odd ones, where values are in bfloat16.
final class Weighted {
  private Weighted() {}

  /// sums ← sums + Σ p[j]·values[j], 2·lanes numbers of rows in bfloat16.
  ///
  /// @param at first byte of the numbers in the first row
  /// @param stride bytes from row to row
  /// @param left numbers of a row from there on
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

  /// Does so with rows in fp32, whose numbers keep their order.
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
