package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.F;
import static dev.nudge.kernel.simd.Species.I;
import static dev.nudge.kernel.simd.Species.LANES;
import static dev.nudge.kernel.simd.Species.LE;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_B2I;

import dev.nudge.kernel.FewRows;
import dev.nudge.kernel.Mxfp4;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/// Multiplies few rows by an MXFP4 weight.
///
/// Each row of the weight is made once, into cache, in the order of rows of x in pairs. On vectors
/// of sixteen lanes a block's sixteen values are one vector, and a code picks among them.
final class FewMxfp4 {
  private static final VectorSpecies<Byte> B = VectorSpecies.of(byte.class, VectorShape.S_128_BIT);
  private static final int BYTES = Mxfp4.BLOCK / 2;
  private static final float[] TWICE = twice();

  private FewMxfp4() {}

  private static float[] twice() {
    float[] all = new float[16];
    for (int i = 0; i < all.length; i++) {
      all[i] = Mxfp4.twice(i);
    }
    return all;
  }

  /// @param x rows as [VectorFewRows] arranges them in pairs
  static void multiply(FewRows.Powers w, Tensor x, int from, int to, VectorFewRows.Out out) {
    int cols = w.cols();
    MemorySegment row = Scratch.get().row(4L * cols);
    int blocks = w.powers().cols();
    for (int o = from; o < to; o++) {
      long codes = o * w.codes().rowStride();
      long powers = o * w.powers().rowStride();
      if (LANES == 16) {
        by16(w.codes().data(), codes, w.powers().data(), powers, blocks, row);
      } else {
        byNumber(w.codes().data(), codes, w.powers().data(), powers, blocks, row);
      }
      for (int r = 0; r < out.rows(); r++) {
        out.put(r, o, FewFp32.one(row, 0, x.data(), 4L * r * x.cols(), cols));
      }
    }
  }

  private static void by16(
      MemorySegment codes, long at, MemorySegment powers, long first, int blocks, MemorySegment to) {
    FloatVector twice = FloatVector.fromArray(F, TWICE, 0);
    for (int b = 0; b < blocks; b++) {
      IntVector table =
          twice.mul(Mxfp4.half(powers.get(JAVA_BYTE, first + b))).reinterpretAsInts();
      IntVector pairs =
          (IntVector)
              ByteVector.fromMemorySegment(B, codes, at + (long) BYTES * b, LE)
                  .convertShape(ZERO_EXTEND_B2I, I, 0);
      pairs.selectFrom(table).intoMemorySegment(to, 128L * b, LE);
      pairs.lanewise(LSHR, 4).selectFrom(table).intoMemorySegment(to, 128L * b + 64, LE);
    }
  }

  private static void byNumber(
      MemorySegment codes, long at, MemorySegment powers, long first, int blocks, MemorySegment to) {
    for (int b = 0; b < blocks; b++) {
      float half = Mxfp4.half(powers.get(JAVA_BYTE, first + b));
      for (int i = BYTES * b; i < BYTES * (b + 1); i++) {
        int both = codes.get(JAVA_BYTE, at + i);
        int even = FewBf16.place(2 * i);
        to.set(JAVA_FLOAT_UNALIGNED, 4L * even, Mxfp4.twice(both) * half);
        to.set(JAVA_FLOAT_UNALIGNED, 4L * (even + LANES), Mxfp4.twice(both >> 4) * half);
      }
    }
  }
}
