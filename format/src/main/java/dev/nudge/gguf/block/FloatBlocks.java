package dev.nudge.gguf.block;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/// The float types, whose block is one number.
final class FloatBlocks {
  private FloatBlocks() {}

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

  /// The upper half of an fp32 number.
  record Bf16() implements BlockReader {
    @Override
    public void read(MemorySegment from, long at, int blocks, MemorySegment to, long start) {
      for (int i = 0; i < blocks; i++) {
        int bits = from.get(JAVA_SHORT_UNALIGNED, at + 2L * i) << 16;
        to.set(JAVA_FLOAT_UNALIGNED, start + 4L * i, Float.intBitsToFloat(bits));
      }
    }
  }
}
