package dev.nudge.gguf.block;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/// The types of 32 numbers in 4 or 5 bits: a scale d, perhaps a minimum m, perhaps 32 fifth bits,
/// then 16 bytes, of which byte i holds element i low and element i + 16 high.
final class NibbleBlocks {
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

  /// @param fifth bit i is bit 4 of element i
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
