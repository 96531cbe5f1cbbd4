package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.B;
import static dev.nudge.kernel.simd.Species.F;
import static dev.nudge.kernel.simd.Species.I;
import static dev.nudge.kernel.simd.Species.LANES;
import static dev.nudge.kernel.simd.Species.LE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static jdk.incubator.vector.VectorOperators.ABS;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.I2B;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.MAX;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_B2I;

import dev.nudge.kernel.Nf4;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/// Dequantises NF4 by looking up sixteen numbers at a time in a block's table of sixteen values.
///
/// The table, level · absmax rounded to the output's type, is computed once a block; a number costs
/// a shift and a permutation. For bf16 the numbers from the high halves of 16 bytes go to the lower
/// half of an int, those from the low halves to the upper half: then memory order is right, without
/// interleaving. The fallback kernel handles vectors of other than 16 lanes, short last blocks and
/// F64.
record VectorNf4(Nf4 under) implements Nf4 {
  private static final int TABLE = 16;
  private static final long LOW_BYTES = 0x00ff00ff00ff00ffL;

  /// Shifts that bring the nibbles of an int to the bottom, in the order of the numbers.
  private static final IntVector NIBBLES = IntVector.fromArray(I, shifts(), 0);

  private static final FloatVector LEVELS = FloatVector.fromArray(F, levels(), 0);

  private static int[] shifts() {
    int[] shifts = new int[LANES];
    for (int i = 0; i < LANES; i++) {
      shifts[i] = 8 * (i % 8 / 2) + (i % 2 == 0 ? 4 : 0);
    }
    return shifts;
  }

  private static float[] levels() {
    float[] levels = new float[Math.max(TABLE, LANES)];
    for (int i = 0; i < TABLE; i++) {
      levels[i] = Nf4.level(i);
    }
    return levels;
  }

  @Override
  public void quantize(Tensor x, Tensor packed, Tensor absmax) {
    if (x.dtype() == Dtype.F64 || absmax.dtype() != Dtype.F32 || LANES > BLOCK) {
      under.quantize(x, packed, absmax);
      return;
    }
    Nf4.check(x, packed, absmax);
    Scratch scratch = Scratch.get();
    MemorySegment codes = scratch.row(Strip.BLOCK);
    long n = x.elements();
    long whole = n / BLOCK * BLOCK;
    for (long at = 0; at < whole; at += Strip.BLOCK) {
      int piece = (int) Math.min(Strip.BLOCK, whole - at);
      scratch.a.loadFlat(x, at, piece);
      for (int i = 0; i < piece; i += BLOCK) {
        float largest = largest(scratch.a.segment(), scratch.a.at() + 4L * i);
        absmax.data().setAtIndex(JAVA_FLOAT_UNALIGNED, (at + i) / BLOCK, largest);
        float inverse = 1 / Math.max(largest, Levels.SMALLEST);
        codes(scratch.a.segment(), scratch.a.at() + 4L * i, inverse, codes, i);
      }
      pack(codes, piece, packed.data(), at / 2);
    }
    if (whole < n) {
      Nf4.Plain.quantize(x, packed, absmax, (int) (whole / BLOCK));
    }
  }

  private static float largest(MemorySegment x, long at) {
    FloatVector largest = FloatVector.zero(F);
    for (int i = 0; i < BLOCK; i += LANES) {
      FloatVector v = FloatVector.fromMemorySegment(F, x, at + 4L * i, LE);
      largest = largest.max(v.lanewise(ABS));
    }
    return largest.reduceLanes(MAX); // any order gives the same maximum
  }

  /// Counts the bounds that each number exceeds.
  private static void codes(MemorySegment x, long at, float inverse, MemorySegment to, int from) {
    for (int i = 0; i < BLOCK; i += LANES) {
      FloatVector v = FloatVector.fromMemorySegment(F, x, at + 4L * i, LE).mul(inverse);
      IntVector code = IntVector.zero(I);
      for (int k = 0; k < TABLE - 1; k++) {
        code = code.add(1, v.compare(GT, Levels.bound(k)).cast(I));
      }
      ((ByteVector) code.convertShape(I2B, B, 0)).intoMemorySegment(to, from + i, LE);
    }
  }

  /// Puts pairs of codes into bytes, eight codes at a time.
  private static void pack(MemorySegment codes, int n, MemorySegment to, long at) {
    for (int i = 0; i < n; i += 8) {
      long eight = codes.get(JAVA_LONG_UNALIGNED, i);
      long pairs = Long.compress(eight << 4 | eight >>> 8, LOW_BYTES);
      to.set(JAVA_INT_UNALIGNED, at + i / 2, (int) pairs);
    }
  }

  @Override
  public void dequantize(Tensor packed, Tensor absmax, Tensor out) {
    boolean known = out.dtype() == Dtype.BF16 || out.dtype() == Dtype.F32;
    if (LANES != TABLE || !known || absmax.dtype() != Dtype.F32) {
      under.dequantize(packed, absmax, out);
      return;
    }
    Nf4.check(out, packed, absmax);
    int whole = (int) (out.elements() / BLOCK);
    if (out.dtype() == Dtype.BF16) {
      bf16(packed.data(), absmax.data(), out.data(), whole);
    } else {
      fp32(packed.data(), absmax.data(), out.data(), whole);
    }
    if (whole < absmax.elements()) {
      Nf4.Plain.dequantize(packed, absmax, out, whole);
    }
  }

  private static void bf16(MemorySegment packed, MemorySegment absmax, MemorySegment out, int n) {
    for (int b = 0; b < n; b++) {
      float scale = absmax.getAtIndex(JAVA_FLOAT_UNALIGNED, b);
      IntVector bits = LEVELS.mul(scale).reinterpretAsInts();
      IntVector odd = bits.lanewise(LSHR, 16).and(1);
      IntVector table = bits.add(odd.add(0x7fff)).lanewise(LSHR, 16);
      for (int i = 0; i < 2; i++) {
        ByteVector bytes = ByteVector.fromMemorySegment(B, packed, 32L * b + 16 * i, LE);
        IntVector pairs = (IntVector) bytes.convertShape(ZERO_EXTEND_B2I, I, 0);
        IntVector first = pairs.lanewise(LSHR, 4).selectFrom(table);
        IntVector second = pairs.and(15).selectFrom(table).lanewise(LSHL, 16);
        first.or(second).intoMemorySegment(out, 128L * b + 64 * i, LE);
      }
    }
  }

  private static void fp32(MemorySegment packed, MemorySegment absmax, MemorySegment out, int n) {
    for (int b = 0; b < n; b++) {
      float scale = absmax.getAtIndex(JAVA_FLOAT_UNALIGNED, b);
      IntVector table = LEVELS.mul(scale).reinterpretAsInts();
      for (int i = 0; i < 4; i++) {
        int low = packed.get(JAVA_INT_UNALIGNED, 32L * b + 8 * i);
        int high = packed.get(JAVA_INT_UNALIGNED, 32L * b + 8 * i + 4);
        IntVector eight = IntVector.broadcast(I, low).blend(high, Species.UPPER);
        IntVector codes = eight.lanewise(LSHR, NIBBLES).and(15);
        codes.selectFrom(table).intoMemorySegment(out, 256L * b + 64 * i, LE);
      }
    }
  }
}
