package dev.nudge.gguf.block;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/// Q3_K: 16 groups of 16, each with a scale of 6 bits.
///
///     32 bytes of third bits · 64 bytes of 2 bits · 12 bytes of scales · d
///     value = (d · (scale − 32)) · (q − (third bit ? 0 : 4))
///
/// The two low bits lie as in [TwoBitBlocks]; the third of element e is bit e / 32 of byte e % 32.
record ThreeBitBlocks() implements BlockReader {
  private static final int BYTES = 110;

  @Override
  public void read(MemorySegment from, long at, int blocks, MemorySegment to, long start) {
    for (int b = 0; b < blocks; b++) {
      long block = at + (long) b * BYTES;
      float d = BlockReader.half(from, block + 108);
      for (int g = 0; g < 16; g++) {
        float scaled = d * (scale(from, block + 96, g) - 32);
        long values = start + 1024L * b + 64L * g;
        group(scaled, from, block, g, to, values);
      }
    }
  }

  /// Four low bits in a nibble of the first eight bytes, two high bits in the last four.
  private static int scale(MemorySegment from, long at, int s) {
    int low = from.get(JAVA_BYTE, at + s % 8) >> (s < 8 ? 0 : 4) & 15;
    return low | (from.get(JAVA_BYTE, at + 8 + s % 4) >> 2 * (s / 4) & 3) << 4;
  }

  private static void group(
      float d, MemorySegment from, long block, int g, MemorySegment to, long start) {
    long column = 16L * (g % 2);
    long low = block + 32 + 32L * (g / 8) + column;
    int shift = g / 2 % 4 * 2;
    for (int i = 0; i < 16; i++) {
      int q = from.get(JAVA_BYTE, low + i) >> shift & 3;
      int third = from.get(JAVA_BYTE, block + column + i) >> g / 2 & 1;
      to.set(JAVA_FLOAT_UNALIGNED, start + 4L * i, d * (q - 4 + 4 * third));
    }
  }
}
