package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.B;
import static dev.nudge.kernel.simd.Species.F;
import static dev.nudge.kernel.simd.Species.I;
import static dev.nudge.kernel.simd.Species.LANES;
import static dev.nudge.kernel.simd.Species.LE;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_B2I;

import dev.nudge.kernel.Mxfp4;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/// Multiplies few rows by an MXFP4 weight.
///
/// Each weight row is dequantised once, into cache, in the paired order of rows of x. With sixteen
/// lanes a block's sixteen values are one vector, indexed by the codes.
final class SkinnyMxfp4 {
  private static final int BYTES = Mxfp4.BLOCK / 2;
  private static final float[] TWICE = twice();

  private SkinnyMxfp4() {}

  private static float[] twice() {
    float[] all = new float[16];
    for (int i = 0; i < all.length; i++) {
      all[i] = Mxfp4.twice(i);
    }
    return all;
  }

  /// @param x rows as [VectorSkinnyProduct] arranges them in pairs
  static void multiply(
      SkinnyProduct.Powers w, Tensor x, int from, int to, VectorSkinnyProduct.Out out) {
    int cols = w.cols();
    MemorySegment row = Scratch.get().row(4L * cols);
    for (int o = from; o < to; o++) {
      read(w, o, true, row, 0);
      for (int r = 0; r < out.rows(); r++) {
        out.put(r, o, SkinnyFp32.one(row, 0, x.data(), 4L * r * x.cols(), cols));
      }
    }
  }

  /// Writes the numbers of a row.
  ///
  /// @param pairs whether even numbers precede odd ones, as in rows of x
  /// @param start byte offset in `to`
  static void read(SkinnyProduct.Powers w, int row, boolean pairs, MemorySegment to, long start) {
    MemorySegment codes = w.codes().data();
    MemorySegment powers = w.powers().data();
    long at = row * w.codes().rowStride();
    long first = row * w.powers().rowStride();
    int blocks = w.powers().cols();
    if (LANES != 16) {
      byNumber(codes, at, powers, first, blocks, pairs, to, start);
    } else if (pairs) {
      inPairs(codes, at, powers, first, blocks, to, start);
    } else {
      inOrder(codes, at, powers, first, blocks, to, start);
    }
  }

  private static IntVector codes(MemorySegment codes, long at) {
    return (IntVector)
        ByteVector.fromMemorySegment(B, codes, at, LE).convertShape(ZERO_EXTEND_B2I, I, 0);
  }

  private static void inPairs(
      MemorySegment codes,
      long at,
      MemorySegment powers,
      long first,
      int blocks,
      MemorySegment to,
      long start) {
    FloatVector twice = FloatVector.fromArray(F, TWICE, 0);
    for (int b = 0; b < blocks; b++) {
      float half = Mxfp4.half(powers.get(JAVA_BYTE, first + b));
      IntVector table = twice.mul(half).reinterpretAsInts();
      IntVector both = codes(codes, at + (long) BYTES * b);
      both.selectFrom(table).intoMemorySegment(to, start + 128L * b, LE);
      both.lanewise(LSHR, 4).selectFrom(table).intoMemorySegment(to, start + 128L * b + 64, LE);
    }
  }

  private static void inOrder(
      MemorySegment codes,
      long at,
      MemorySegment powers,
      long first,
      int blocks,
      MemorySegment to,
      long start) {
    FloatVector twice = FloatVector.fromArray(F, TWICE, 0);
    for (int b = 0; b < blocks; b++) {
      float half = Mxfp4.half(powers.get(JAVA_BYTE, first + b));
      IntVector table = twice.mul(half).reinterpretAsInts();
      IntVector both = codes(codes, at + (long) BYTES * b);
      IntVector lower =
          both.rearrange(VectorGroupedCodes.LOWER).lanewise(LSHR, VectorGroupedCodes.SHIFTS);
      IntVector upper =
          both.rearrange(VectorGroupedCodes.UPPER).lanewise(LSHR, VectorGroupedCodes.SHIFTS);
      lower.selectFrom(table).intoMemorySegment(to, start + 128L * b, LE);
      upper.selectFrom(table).intoMemorySegment(to, start + 128L * b + 64, LE);
    }
  }

  private static void byNumber(
      MemorySegment codes,
      long at,
      MemorySegment powers,
      long first,
      int blocks,
      boolean pairs,
      MemorySegment to,
      long start) {
    int odd = pairs ? 4 * LANES : 4; // bytes after the even number
    for (int b = 0; b < blocks; b++) {
      float half = Mxfp4.half(powers.get(JAVA_BYTE, first + b));
      for (int i = BYTES * b; i < BYTES * (b + 1); i++) {
        int both = codes.get(JAVA_BYTE, at + i);
        long place = start + 4L * (pairs ? SkinnyBf16.place(2 * i) : 2 * i);
        to.set(JAVA_FLOAT_UNALIGNED, place, Mxfp4.twice(both) * half);
        to.set(JAVA_FLOAT_UNALIGNED, place + odd, Mxfp4.twice(both >> 4) * half);
      }
    }
  }
}
