package dev.nudge.gguf.block;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/// Q6_K: 16 groups of 16, each with a signed byte as scale.
///
///     128 bytes of 4 low bits · 64 bytes of 2 high bits · 16 scales · d
///     value = (d · scale) · (q − 32)
///
/// Element e of half h = e / 128 and j = e % 128: low bits in byte 64h + j % 64, the low nibble for
/// j < 64; high bits 2·(j / 32) and the next one of byte 32h + j % 32.
record SixBitBlocks() implements BlockReader {
  private static final int BYTES = 210;

  @Override
  public void read(MemorySegment from, long at, int blocks, MemorySegment to, long start) {
    for (int b = 0; b < blocks; b++) {
      long block = at + (long) b * BYTES;
      float d = BlockReader.half(from, block + 208);
      for (int g = 0; g < 16; g++) {
        float scaled = d * from.get(JAVA_BYTE, block + 192 + g);
        group(scaled, from, block, g, to, start + 1024L * b + 64L * g);
      }
    }
  }

  private static void group(
      float d, MemorySegment from, long block, int g, MemorySegment to, long start) {
    int half = g / 8;
    int j = g % 8 * 16;
    long low = block + 64L * half + j % 64;
    long high = block + 128 + 32L * half + j % 32;
    int lowShift = j < 64 ? 0 : 4;
    int highShift = j / 32 * 2;
    for (int i = 0; i < 16; i++) {
      int q =
          from.get(JAVA_BYTE, low + i) >> lowShift & 15
              | (from.get(JAVA_BYTE, high + i) >> highShift & 3) << 4;
      to.set(JAVA_FLOAT_UNALIGNED, start + 4L * i, d * (q - 32));
    }
  }
}
