package dev.nudge.gguf.block;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/// The types with blocks of 1 or 32 numbers, and IQ4_XS, which shares IQ4_NL's table.
final class ShortBlocks {
  private ShortBlocks() {}

  record F32() implements BlockReader {
    @Override
    public void read(MemorySegment from, long at, int blocks, MemorySegment to, long start) {
      MemorySegment.copy(from, at, to, start, 4L * blocks);
    }
  }

  record F16() implements BlockReader {
    @Override
    public void read(MemorySegment from, long at, int blocks, MemorySegment to, long start) {
      for (int i = 0; i < blocks; i++) {
        to.set(JAVA_FLOAT_UNALIGNED, start + 4L * i, BlockReader.half(from, at + 2L * i));
      }
    }
  }

  /// BF16: the upper half of an fp32 number.
  record Bf16() implements BlockReader {
    @Override
    public void read(MemorySegment from, long at, int blocks, MemorySegment to, long start) {
      for (int i = 0; i < blocks; i++) {
        int bits = from.get(JAVA_SHORT_UNALIGNED, at + 2L * i) << 16;
        to.set(JAVA_FLOAT_UNALIGNED, start + 4L * i, Float.intBitsToFloat(bits));
      }
    }
  }

  /// Q8_0: a scale and 32 signed bytes; value = q · d.
  record Q80() implements BlockReader {
    private static final int BYTES = 34;

    @Override
    public void read(MemorySegment from, long at, int blocks, MemorySegment to, long start) {
      for (int b = 0; b < blocks; b++) {
        block(from, at + (long) b * BYTES, to, start + 128L * b);
      }
    }

    private static void block(MemorySegment from, long at, MemorySegment to, long start) {
      float d = BlockReader.half(from, at);
      for (int i = 0; i < 32; i++) {
        to.set(JAVA_FLOAT_UNALIGNED, start + 4L * i, from.get(JAVA_BYTE, at + 2 + i) * d);
      }
    }
  }

  /// The types of 32 numbers in 4 or 5 bits: a scale d, perhaps a minimum m, perhaps 32 fifth bits,
  /// then 16 bytes: byte i holds element i in its low and element i + 16 in its high nibble.
  static final class NibbleBlocks {
    private static final int HALF = 16;

    private NibbleBlocks() {}

    /// value = d · (q − 8)
    record Q40() implements BlockReader {
      @Override
      public void read(MemorySegment from, long at, int blocks, MemorySegment to, long start) {
        for (int b = 0; b < blocks; b++) {
          long block = at + 18L * b;
          scaled(BlockReader.half(from, block), 8, from, block + 2, 0, to, start + 128L * b);
        }
      }
    }

    /// value = d · q + m
    record Q41() implements BlockReader {
      @Override
      public void read(MemorySegment from, long at, int blocks, MemorySegment to, long start) {
        for (int b = 0; b < blocks; b++) {
          long block = at + 20L * b;
          float m = BlockReader.half(from, block + 2);
          raised(BlockReader.half(from, block), m, from, block + 4, 0, to, start + 128L * b);
        }
      }
    }

    /// value = d · (q − 16)
    record Q50() implements BlockReader {
      @Override
      public void read(MemorySegment from, long at, int blocks, MemorySegment to, long start) {
        for (int b = 0; b < blocks; b++) {
          long block = at + 22L * b;
          int fifth = from.get(JAVA_INT_UNALIGNED, block + 2);
          scaled(BlockReader.half(from, block), 16, from, block + 6, fifth, to, start + 128L * b);
        }
      }
    }

    /// value = d · q + m
    record Q51() implements BlockReader {
      @Override
      public void read(MemorySegment from, long at, int blocks, MemorySegment to, long start) {
        for (int b = 0; b < blocks; b++) {
          long block = at + 24L * b;
          float m = BlockReader.half(from, block + 2);
          int fifth = from.get(JAVA_INT_UNALIGNED, block + 4);
          raised(BlockReader.half(from, block), m, from, block + 8, fifth, to, start + 128L * b);
        }
      }
    }

    /// @param fifth fifth bits: bit i belongs to element i
    private static void scaled(
        float d, int zero, MemorySegment from, long at, int fifth, MemorySegment to, long start) {
      for (int i = 0; i < HALF; i++) {
        int pair = from.get(JAVA_BYTE, at + i);
        int low = pair & 15 | (fifth >>> i & 1) << 4;
        int high = pair >> 4 & 15 | (fifth >>> i + HALF & 1) << 4;
        to.set(JAVA_FLOAT_UNALIGNED, start + 4L * i, d * (low - zero));
        to.set(JAVA_FLOAT_UNALIGNED, start + 4L * (i + HALF), d * (high - zero));
      }
    }

    private static void raised(
        float d, float m, MemorySegment from, long at, int fifth, MemorySegment to, long start) {
      for (int i = 0; i < HALF; i++) {
        int pair = from.get(JAVA_BYTE, at + i);
        int low = pair & 15 | (fifth >>> i & 1) << 4;
        int high = pair >> 4 & 15 | (fifth >>> i + HALF & 1) << 4;
        to.set(JAVA_FLOAT_UNALIGNED, start + 4L * i, d * low + m);
        to.set(JAVA_FLOAT_UNALIGNED, start + 4L * (i + HALF), d * high + m);
      }
    }
  }

  /// The types whose 4-bit codes index a table of 16 values; nibbles are as in [NibbleBlocks].
  static final class TableBlocks {
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
}
