package dev.nudge.gguf.block;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/// Q2_K: 16 groups of 16, each with a scale and a minimum of 4 bits.
///
///     16 bytes: low nibble scale, high nibble minimum · 64 bytes of 2 bits · d · dmin
///     value = (d · scale) · q − (dmin · minimum)
///
/// Element e has bits 2p and 2p + 1 of byte 32·(e / 128) + e % 32, with p = (e / 32) % 4.
record TwoBitBlocks() implements BlockReader {
  private static final int BYTES = 84;

  @Override
  public void read(MemorySegment from, long at, int blocks, MemorySegment to, long start) {
    for (int b = 0; b < blocks; b++) {
      long block = at + (long) b * BYTES;
      float d = BlockReader.half(from, block + 80);
      float min = BlockReader.half(from, block + 82);
      for (int g = 0; g < 16; g++) {
        int both = from.get(JAVA_BYTE, block + g);
        long codes = block + 16 + 32L * (g / 8) + 16L * (g % 2);
        long values = start + 1024L * b + 64L * g;
        group(d * (both & 15), min * (both >> 4 & 15), from, codes, g / 2 % 4 * 2, to, values);
      }
    }
  }

  private static void group(
      float d, float m, MemorySegment from, long at, int shift, MemorySegment to, long start) {
    for (int i = 0; i < 16; i++) {
      int q = from.get(JAVA_BYTE, at + i) >> shift & 3;
      to.set(JAVA_FLOAT_UNALIGNED, start + 4L * i, d * q - m);
    }
  }
}
