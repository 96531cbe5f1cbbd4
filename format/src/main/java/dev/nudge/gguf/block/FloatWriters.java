package dev.nudge.gguf.block;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.nudge.tensor.Bf16;
import java.lang.foreign.MemorySegment;

/// The float types, rounded to nearest even.
final class FloatWriters {
  private FloatWriters() {}

  record F32() implements BlockWriter {
    @Override
    public void write(MemorySegment from, long at, int blocks, MemorySegment to, long start) {
      MemorySegment.copy(from, at, to, start, 4L * blocks);
    }
  }

  record F16() implements BlockWriter {
    @Override
    public void write(MemorySegment from, long at, int blocks, MemorySegment to, long start) {
      for (int i = 0; i < blocks; i++) {
        float value = from.get(JAVA_FLOAT_UNALIGNED, at + 4L * i);
        to.set(JAVA_SHORT_UNALIGNED, start + 2L * i, Float.floatToFloat16(value));
      }
    }
  }

  record UpperHalf() implements BlockWriter {
    @Override
    public void write(MemorySegment from, long at, int blocks, MemorySegment to, long start) {
      for (int i = 0; i < blocks; i++) {
        float value = from.get(JAVA_FLOAT_UNALIGNED, at + 4L * i);
        to.set(JAVA_SHORT_UNALIGNED, start + 2L * i, Bf16.round(value));
      }
    }
  }
}
