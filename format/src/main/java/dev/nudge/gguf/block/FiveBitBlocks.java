package dev.nudge.gguf.block;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/// Q5_K: as [FourBitBlocks], with 32 bytes of fifth bits before the nibbles; that of element e is
/// bit e / 32 of byte e % 32.
record FiveBitBlocks() implements BlockReader {
  private static final int BYTES = 176;

  @Override
  public void read(MemorySegment from, long at, int blocks, MemorySegment to, long start) {
    for (int b = 0; b < blocks; b++) {
      long block = at + (long) b * BYTES;
      float d = BlockReader.half(from, block);
      float min = BlockReader.half(from, block + 2);
      for (int g = 0; g < 8; g++) {
        float scaled = d * FourBitBlocks.scale(from, block + 4, g);
        float m = min * FourBitBlocks.minimum(from, block + 4, g);
        group(scaled, m, from, block + 16, g, to, start + 1024L * b + 128L * g);
      }
    }
  }

  /// @param at of the fifth bits
  private static void group(
      float d, float m, MemorySegment from, long at, int g, MemorySegment to, long start) {
    long low = at + 32 + 32L * (g / 2);
    int shift = g % 2 * 4;
    for (int i = 0; i < 32; i++) {
      int q = from.get(JAVA_BYTE, low + i) >> shift & 15;
      int fifth = from.get(JAVA_BYTE, at + i) >> g & 1;
      to.set(JAVA_FLOAT_UNALIGNED, start + 4L * i, d * (q + 16 * fifth) - m);
    }
  }
}
