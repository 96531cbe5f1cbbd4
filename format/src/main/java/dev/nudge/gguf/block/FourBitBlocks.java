package dev.nudge.gguf.block;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/// Q4_K: 8 groups of 32, each with a scale and a minimum of 6 bits.
///
///     d · dmin · 12 bytes of scales and minima · 128 bytes of 4 bits
///     value = (d · scale) · q − (dmin · minimum)
///
/// Of each pair of groups the first has the low nibbles of 32 bytes, the second the high ones.
record FourBitBlocks() implements BlockReader {
  private static final int BYTES = 144;

  @Override
  public void read(MemorySegment from, long at, int blocks, MemorySegment to, long start) {
    for (int b = 0; b < blocks; b++) {
      long block = at + (long) b * BYTES;
      float d = BlockReader.half(from, block);
      float min = BlockReader.half(from, block + 2);
      for (int g = 0; g < 8; g++) {
        float scaled = d * scale(from, block + 4, g);
        float m = min * minimum(from, block + 4, g);
        long codes = block + 16 + 32L * (g / 2);
        group(scaled, m, from, codes, g % 2 * 4, to, start + 1024L * b + 128L * g);
      }
    }
  }

  /// The scale of a group, 6 bits: of the last four groups the high two bits lie above the scales
  /// of the first four.
  static int scale(MemorySegment from, long at, int g) {
    return g < 4
        ? from.get(JAVA_BYTE, at + g) & 63
        : from.get(JAVA_BYTE, at + 4 + g) & 15 | (from.get(JAVA_BYTE, at + g - 4) >> 6 & 3) << 4;
  }

  /// The minimum of a group, 6 bits, as [#scale].
  static int minimum(MemorySegment from, long at, int g) {
    return g < 4
        ? from.get(JAVA_BYTE, at + 4 + g) & 63
        : from.get(JAVA_BYTE, at + 4 + g) >> 4 & 15 | (from.get(JAVA_BYTE, at + g) >> 6 & 3) << 4;
  }

  private static void group(
      float d, float m, MemorySegment from, long at, int shift, MemorySegment to, long start) {
    for (int i = 0; i < 32; i++) {
      int q = from.get(JAVA_BYTE, at + i) >> shift & 15;
      to.set(JAVA_FLOAT_UNALIGNED, start + 4L * i, d * q - m);
    }
  }
}
