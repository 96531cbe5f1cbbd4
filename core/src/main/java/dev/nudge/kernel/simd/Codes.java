package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.F;
import static dev.nudge.kernel.simd.Species.I;
import static dev.nudge.kernel.simd.Species.LANES;
import static dev.nudge.kernel.simd.Species.LE;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2B;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.XOR;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_B2I;

import dev.nudge.kernel.AdamW8;
import dev.nudge.kernel.DynamicMap;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/// Decodes and encodes blocks of a [DynamicMap] with one gather a number, of its value or its cell.
///
/// Indices and codes go through arrays of ints between short loops. Numbers after the last whole
/// vector go through the map itself, as all do on machines whose vectors have less than 256 bits.
final class Codes {
  private static final boolean WIDE = F.vectorBitSize() >= 256;
  private static final VectorSpecies<Byte> B =
      VectorSpecies.of(byte.class, VectorShape.forBitSize(WIDE ? F.vectorBitSize() / 4 : 64));
  private static final int LOW = 0xffff;

  private final DynamicMap map;
  private final float[] levels;
  private final int[] cells;

  Codes(DynamicMap map) {
    this.map = map;
    this.levels = map.values();
    this.cells = map.cells();
  }

  /// to[i] ← value of codes[from + i] · largest, for `n` ≤ 256 numbers.
  void decode(MemorySegment codes, long from, float largest, float[] to, int at, int n) {
    int whole = WIDE ? n / LANES * LANES : 0;
    int[] index = Scratch.get().index;
    widen(codes, from, index, whole);
    look(levels, index, largest, to, at, whole);
    AdamW8.decode(map, codes, from + whole, largest, to, at + whole, n - whole);
  }

  /// Writes the codes of x[i] / largest, for `n` ≤ 256 numbers; of zeros if `largest` is 0. x is
  /// undefined afterwards.
  void encode(float[] x, int at, float largest, MemorySegment codes, long to, int n) {
    if (largest == 0) {
      codes.asSlice(to, n).fill((byte) map.code(0));
      return;
    }
    int whole = WIDE ? n / LANES * LANES : 0;
    Scratch scratch = Scratch.get();
    orders(x, at, largest, scratch.order, scratch.index, whole);
    look(cells, scratch.order, scratch.index, codes, to, whole);
    for (int i = whole; i < n; i++) {
      codes.set(JAVA_BYTE, to + i, (byte) map.code(x[at + i] / largest));
    }
  }

  private static void widen(MemorySegment codes, long from, int[] index, int n) {
    for (int i = 0; i < n; i += LANES) {
      ByteVector b = ByteVector.fromMemorySegment(B, codes, from + i, LE);
      ((IntVector) b.convertShape(ZERO_EXTEND_B2I, I, 0)).intoArray(index, i);
    }
  }

  private static void look(float[] levels, int[] index, float largest, float[] to, int at, int n) {
    for (int i = 0; i < n; i += LANES) {
      FloatVector.fromArray(F, levels, 0, index, i).mul(largest).intoArray(to, at + i);
    }
  }

  private static void orders(float[] x, int at, float largest, int[] order, int[] index, int n) {
    for (int i = 0; i < n; i += LANES) {
      IntVector bits = FloatVector.fromArray(F, x, at + i).div(largest).reinterpretAsInts();
      IntVector sign = bits.lanewise(ASHR, 31).and(Integer.MAX_VALUE);
      IntVector ordered = bits.lanewise(XOR, sign);
      ordered.and(LOW).intoArray(order, i);
      ordered.lanewise(LSHR, 16).intoArray(index, i);
    }
  }

  private static void look(
      int[] cells, int[] order, int[] index, MemorySegment codes, long to, int n) {
    for (int i = 0; i < n; i += LANES) {
      IntVector cell = IntVector.fromArray(I, cells, 0, index, i);
      IntVector beyond = cell.and(LOW).sub(IntVector.fromArray(I, order, i)).lanewise(LSHR, 31);
      IntVector code = cell.lanewise(LSHR, 16).add(beyond);
      ((ByteVector) code.convertShape(I2B, B, 0)).intoMemorySegment(codes, to + i, LE);
    }
  }
}
