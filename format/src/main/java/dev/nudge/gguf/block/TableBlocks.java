package dev.nudge.gguf.block;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/// The types whose four bits pick one of 16 values; nibbles lie as in [NibbleBlocks].
final class TableBlocks {
  private static final int[] VALUES = {
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113
  };
  private static final int HALF = 16;

  private TableBlocks() {}

  /// IQ4_NL: value = d · table(q)
  record Nl() implements BlockReader {
    @Override
    public void read(MemorySegment from, long at, int blocks, MemorySegment to, long start) {
      for (int b = 0; b < blocks; b++) {
        long block = at + 18L * b;
        group(BlockReader.half(from, block), from, block + 2, to, start + 128L * b);
      }
    }
  }

  /// IQ4_XS: 8 groups of 32, each with a scale of 6 bits; value = (d · (scale − 32)) · table(q).
  record Xs() implements BlockReader {
    @Override
    public void read(MemorySegment from, long at, int blocks, MemorySegment to, long start) {
      for (int b = 0; b < blocks; b++) {
        long block = at + 136L * b;
        float d = BlockReader.half(from, block);
        int high = from.get(JAVA_SHORT_UNALIGNED, block + 2);
        for (int g = 0; g < 8; g++) {
          int low = from.get(JAVA_BYTE, block + 4 + g / 2) >> 4 * (g % 2) & 15;
          int scale = low | (high >> 2 * g & 3) << 4;
          long values = start + 1024L * b + 128L * g;
          group(d * (scale - 32), from, block + 8 + 16L * g, to, values);
        }
      }
    }
  }

  private static void group(float d, MemorySegment from, long at, MemorySegment to, long start) {
    for (int i = 0; i < HALF; i++) {
      int pair = from.get(JAVA_BYTE, at + i);
      to.set(JAVA_FLOAT_UNALIGNED, start + 4L * i, d * VALUES[pair & 15]);
      to.set(JAVA_FLOAT_UNALIGNED, start + 4L * (i + HALF), d * VALUES[pair >> 4 & 15]);
    }
  }
}
