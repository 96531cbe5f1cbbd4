package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.F;
import static dev.nudge.kernel.simd.Species.I;
import static dev.nudge.kernel.simd.Species.LANES;
import static dev.nudge.kernel.simd.Species.LE;
import static dev.nudge.kernel.simd.Species.S;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;
import static jdk.incubator.vector.VectorOperators.I2S;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.NE;
import static jdk.incubator.vector.VectorOperators.OR;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_S2I;

import dev.nudge.tensor.Bf16;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;

/// Converts between float and bfloat16 lanes with integer operations, as [Bf16] does.
///
/// A bfloat16 is the upper half of a float: widening is a shift. Narrowing adds 0x7fff and the
/// lowest kept bit, which rounds to nearest even, and shifts; a NaN, which rounding could turn into
/// an infinity or a zero, stays a NaN with its quiet bit set.
final class Narrow {
  private Narrow() {}

  /// dst[i] ← src[i], bfloat16 to float.
  static void widen(MemorySegment src, long from, MemorySegment dst, long to, int n) {
    int i = 0;
    for (; i <= n - LANES; i += LANES) {
      ShortVector low = ShortVector.fromMemorySegment(S, src, from + 2L * i, LE);
      IntVector bits = (IntVector) low.convertShape(ZERO_EXTEND_S2I, I, 0);
      bits.lanewise(LSHL, 16).intoMemorySegment(dst, to + 4L * i, LE);
    }
    for (; i < n; i++) {
      short bits = src.get(JAVA_SHORT_UNALIGNED, from + 2L * i);
      dst.set(JAVA_FLOAT_UNALIGNED, to + 4L * i, Bf16.toFloat(bits));
    }
  }

  /// dst[i] ← src[i], float to bfloat16.
  static void narrow(MemorySegment src, long from, MemorySegment dst, long to, int n) {
    narrow(src, from, dst, to, n, 1);
  }

  /// dst[i] ← factor·src[i], float to bfloat16.
  static void narrow(
      MemorySegment src, long from, MemorySegment dst, long to, int n, float factor) {
    int i = 0;
    for (; i <= n - LANES; i += LANES) {
      FloatVector v = FloatVector.fromMemorySegment(F, src, from + 4L * i, LE).mul(factor);
      IntVector bits = v.reinterpretAsInts();
      IntVector upper = bits.lanewise(LSHR, 16);
      IntVector nearest = bits.add(upper.and(1).add(0x7fff)).lanewise(LSHR, 16);
      IntVector kept = nearest.blend(upper.lanewise(OR, 0x40), v.compare(NE, v).cast(I));
      kept.convertShape(I2S, S, 0).intoMemorySegment(dst, to + 2L * i, LE);
    }
    for (; i < n; i++) {
      float v = factor * src.get(JAVA_FLOAT_UNALIGNED, from + 4L * i);
      dst.set(JAVA_SHORT_UNALIGNED, to + 2L * i, Bf16.round(v));
    }
  }
}
