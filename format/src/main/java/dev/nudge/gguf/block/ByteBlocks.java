package dev.nudge.gguf.block;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/// Q8_0: a scale and 32 signed bytes; value = q · d.
record ByteBlocks() implements BlockReader {
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
