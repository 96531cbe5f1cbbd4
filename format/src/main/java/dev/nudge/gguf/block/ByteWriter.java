package dev.nudge.gguf.block;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;

/// Q8_0: d = max|x| / 127, codes rounded half away from zero.
record ByteWriter() implements BlockWriter {
  private static final int BYTES = 34;

  @Override
  public void write(MemorySegment from, long at, int blocks, MemorySegment to, long start) {
    float[] x = new float[32];
    for (int b = 0; b < blocks; b++) {
      BlockWriter.load(from, at + 128L * b, x);
      block(x, to, start + (long) b * BYTES);
    }
  }

  private static void block(float[] x, MemorySegment to, long at) {
    float most = 0;
    for (float value : x) {
      most = Math.max(most, Math.abs(value));
    }
    float d = most / 127;
    float inverse = d == 0 ? 0 : 1 / d;
    BlockWriter.half(to, at, d);
    for (int i = 0; i < x.length; i++) {
      float scaled = x[i] * inverse;
      float whole = (float) Math.floor(Math.abs(scaled));
      float up = Math.abs(scaled) - whole >= 0.5f ? 1 : 0;
      to.set(JAVA_BYTE, at + 2 + i, (byte) Math.copySign(whole + up, scaled));
    }
  }
}
