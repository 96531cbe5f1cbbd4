package dev.nudge.gguf.block;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.nudge.tensor.Bf16;
import java.lang.foreign.MemorySegment;

/// Writers of the types with blocks of 1 or 32 numbers. Floats are rounded to nearest even.
final class ShortWriters {
  private ShortWriters() {}

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

  /// Q8_0: d = max|x| / 127, codes rounded half away from zero.
  record Q80() implements BlockWriter {
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

  /// The types of 32 numbers in 4 or 5 bits, in the layout of [ShortBlocks.NibbleBlocks].
  ///
  /// Without a minimum, d is the value of largest magnitude / −8 (/ −16 for 5 bits): it gets code
  /// 0. With one, m is the least value, and the largest value gets the highest code.
  ///
  /// @param bits bits of a code
  /// @param raised whether the blocks have a minimum m
  record NibbleWriter(int bits, boolean raised) implements BlockWriter {
    private static final int HALF = 16;

    static NibbleWriter centred(int bits) {
      return new NibbleWriter(bits, false);
    }

    static NibbleWriter raised(int bits) {
      return new NibbleWriter(bits, true);
    }

    @Override
    public void write(MemorySegment from, long at, int blocks, MemorySegment to, long start) {
      float[] x = new float[2 * HALF];
      int[] codes = new int[x.length];
      int header = (raised ? 4 : 2) + (bits == 5 ? 4 : 0);
      for (int b = 0; b < blocks; b++) {
        BlockWriter.load(from, at + 128L * b, x);
        long block = start + (long) b * (header + HALF);
        if (raised) {
          raise(x, codes, to, block);
        } else {
          centre(x, codes, to, block);
        }
        pack(codes, to, block + header);
      }
    }

    private void centre(float[] x, int[] codes, MemorySegment to, long at) {
      float most = 0;
      for (float value : x) {
        most = Math.abs(value) > Math.abs(most) ? value : most;
      }
      int zero = 1 << bits - 1;
      float d = most / -zero;
      float inverse = d == 0 ? 0 : 1 / d;
      BlockWriter.half(to, at, d);
      for (int i = 0; i < x.length; i++) {
        codes[i] = Math.min(2 * zero - 1, (int) ((double) x[i] * inverse + (zero + 0.5)));
      }
    }

    private void raise(float[] x, int[] codes, MemorySegment to, long at) {
      float least = x[0];
      float most = x[0];
      for (float value : x) {
        least = Math.min(least, value);
        most = Math.max(most, value);
      }
      int largest = (1 << bits) - 1;
      float d = (most - least) / largest;
      float inverse = d == 0 ? 0 : 1 / d;
      BlockWriter.half(to, at, d);
      BlockWriter.half(to, at + 2, least);
      for (int i = 0; i < x.length; i++) {
        codes[i] = Math.min(largest, (int) ((x[i] - least) * inverse + 0.5f));
      }
    }

    /// @param at offset of the nibbles; fifth bits precede them
    private void pack(int[] codes, MemorySegment to, long at) {
      int fifth = 0;
      for (int i = 0; i < HALF; i++) {
        to.set(JAVA_BYTE, at + i, (byte) (codes[i] & 15 | (codes[i + HALF] & 15) << 4));
        fifth |= codes[i] >> 4 << i | codes[i + HALF] >> 4 << i + HALF;
      }
      if (bits == 5) {
        to.set(JAVA_INT_UNALIGNED, at - 4, fifth);
      }
    }
  }
}
