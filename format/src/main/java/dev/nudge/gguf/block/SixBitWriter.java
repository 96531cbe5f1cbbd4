package dev.nudge.gguf.block;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;

/// Q6_K, in the layout of [SixBitBlocks]: 16 groups of 16 with a scale each, which is searched,
/// then rounded to 8 bits of the largest; codes are made for the rounded ones.
record SixBitWriter() implements BlockWriter {
  private static final int GROUPS = 16;
  private static final int COUNT = 16;
  private static final int BYTES = 210;
  private static final int LEVELS = 32;

  @Override
  public void write(MemorySegment from, long at, int blocks, MemorySegment to, long start) {
    float[] x = new float[GROUPS * COUNT];
    for (int b = 0; b < blocks; b++) {
      BlockWriter.load(from, at + 1024L * b, x);
      long block = start + (long) b * BYTES;
      to.asSlice(block, BYTES).fill((byte) 0);
      block(x, to, block);
    }
  }

  private static void block(float[] x, MemorySegment to, long at) {
    float[] found = new float[GROUPS];
    float most = 0;
    for (int g = 0; g < GROUPS; g++) {
      found[g] = ScaleSearch.symmetric(x, g * COUNT, COUNT, LEVELS);
      most = Math.abs(found[g]) > Math.abs(most) ? found[g] : most;
    }
    float inverse = most == 0 ? 0 : -128 / most;
    float d = BlockWriter.half(to, at + 208, most / -128);
    for (int g = 0; g < GROUPS; g++) {
      int scale = Math.min(127, (int) Math.rint(inverse * found[g]));
      to.set(JAVA_BYTE, at + 192 + g, (byte) scale);
      group(x, g, d * scale, to, at);
    }
  }

  private static void group(float[] x, int g, float d, MemorySegment to, long at) {
    for (int i = 0; i < COUNT; i++) {
      float value = x[g * COUNT + i];
      int q = d == 0 ? 0 : (int) Math.clamp(Math.rint(value / d), -LEVELS, LEVELS - 1);
      int j = g % 8 * COUNT + i; // within its half
      long low = at + 64L * (g / 8) + j % 64;
      long high = at + 128 + 32L * (g / 8) + j % 32;
      set(to, low, (q + LEVELS & 15) << (j < 64 ? 0 : 4));
      set(to, high, q + LEVELS >> 4 << j / 32 * 2);
    }
  }

  private static void set(MemorySegment to, long at, int bits) {
    to.set(JAVA_BYTE, at, (byte) (to.get(JAVA_BYTE, at) | bits));
  }
}
