package dev.nudge.gguf.block;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;

/// Writers of the K-types; the scales of their groups are searched ([ScaleSearch]).
final class KWriters {
  private KWriters() {}

  /// Sets further bits of a byte.
  private static void set(MemorySegment to, long at, int bits) {
    to.set(JAVA_BYTE, at, (byte) (to.get(JAVA_BYTE, at) | bits));
  }

  /// Q4_K and Q5_K, in the layouts of [KBlocks.Q4] and [KBlocks.Q5]: 8 groups of 32, each with a
  /// scale and a minimum. These are searched, then rounded to 6 bits relative to the largest; codes
  /// are computed for the rounded scales.
  ///
  /// @param bits bits of a code
  record GroupWriter(int bits) implements BlockWriter {
    private static final int GROUPS = 8;
    private static final int COUNT = 32;
    private static final int LARGEST = 63; // largest 6-bit scale

    @Override
    public void write(MemorySegment from, long at, int blocks, MemorySegment to, long start) {
      float[] x = new float[GROUPS * COUNT];
      int[] codes = new int[x.length];
      long bytes = bits == 5 ? 176 : 144;
      for (int b = 0; b < blocks; b++) {
        BlockWriter.load(from, at + 1024L * b, x);
        to.asSlice(start + b * bytes, bytes).fill((byte) 0);
        block(x, codes, to, start + b * bytes);
      }
    }

    private void block(float[] x, int[] codes, MemorySegment to, long at) {
      int largest = (1 << bits) - 1;
      ScaleSearch.Affine[] found = new ScaleSearch.Affine[GROUPS];
      float scales = 0;
      float minima = 0;
      for (int g = 0; g < GROUPS; g++) {
        found[g] =
            bits == 4
                ? ScaleSearch.affine(x, g * COUNT, COUNT, largest, -1, 20)
                : ScaleSearch.affine(x, g * COUNT, COUNT, largest, -0.5f, 15);
        scales = Math.max(scales, found[g].scale());
        minima = Math.max(minima, found[g].minimum());
      }
      float d = BlockWriter.half(to, at, scales / LARGEST);
      float dmin = BlockWriter.half(to, at + 2, minima / LARGEST);
      for (int g = 0; g < GROUPS; g++) {
        int scale = rounded(found[g].scale(), scales);
        int minimum = rounded(found[g].minimum(), minima);
        scales(to, at + 4, g, scale, minimum);
        codes(x, codes, g, d * scale, dmin * minimum, largest);
      }
      pack(codes, to, at + 16);
    }

    private static int rounded(float value, float most) {
      return most > 0 ? Math.clamp((int) Math.rint(LARGEST / most * value), 0, LARGEST) : 0;
    }

    private static void codes(float[] x, int[] codes, int g, float d, float m, int largest) {
      for (int i = g * COUNT; i < (g + 1) * COUNT; i++) {
        codes[i] = d == 0 ? 0 : (int) Math.clamp(Math.rint((x[i] + m) / d), 0, largest);
      }
    }

    /// Writes a scale and a minimum as [KBlocks.Q4#scale] and [KBlocks.Q4#minimum] read them.
    private static void scales(MemorySegment to, long at, int g, int scale, int minimum) {
      if (g < 4) {
        set(to, at + g, scale);
        set(to, at + 4 + g, minimum);
      } else {
        set(to, at + 4 + g, scale & 15 | (minimum & 15) << 4);
        set(to, at + g - 4, scale >> 4 << 6);
        set(to, at + g, minimum >> 4 << 6);
      }
    }

    private void pack(int[] codes, MemorySegment to, long at) {
      long nibbles = bits == 5 ? at + COUNT : at;
      for (int i = 0; i < codes.length; i++) {
        int g = i / COUNT;
        int column = i % COUNT;
        set(to, nibbles + g / 2 * COUNT + column, (codes[i] & 15) << g % 2 * 4);
        if (bits == 5) {
          set(to, at + column, codes[i] >> 4 << g);
        }
      }
    }
  }

  /// Q6_K, in the layout of [KBlocks.Q6]: 16 groups of 16, each with a scale. It is searched, then
  /// rounded to 8 bits relative to the largest; codes are computed for the rounded scales.
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
        int j = g % 8 * COUNT + i; // index within its half of the block
        long low = at + 64L * (g / 8) + j % 64;
        long high = at + 128 + 32L * (g / 8) + j % 32;
        set(to, low, (q + LEVELS & 15) << (j < 64 ? 0 : 4));
        set(to, high, q + LEVELS >> 4 << j / 32 * 2);
      }
    }
  }

  /// Searches the scale of a group of numbers, by weighted least squares over candidates.
  ///
  /// A candidate scale gives each number its nearest code; for these codes the best scale (and
  /// minimum) has a closed form; of all candidates the one with the least weighted error is kept.
  /// Large numbers weigh more, for they matter more in a product: by x² where codes are signed, by
  /// |x| + rms(x) where there is a minimum. Candidates and weights are those of llama.cpp [1], so
  /// that errors are.
  ///
  /// [1] ggml-quants.c, `make_qx_quants` and `make_qkx2_quants` (2026)
  private static final class ScaleSearch {
    private static final float NOTHING = 1e-15f;

    private ScaleSearch() {}

    /// A scale and a minimum, which is not negative.
    record Affine(float scale, float minimum) {}

    /// Finds scale and minimum of x ≈ scale · q − minimum, q from 0 to `largest`.
    ///
    /// @param from of the group in x
    /// @param count of numbers
    /// @param first candidate: so many levels more (or fewer) than `largest` for the range of x
    /// @param steps more candidates, each of 0.1 levels more
    static Affine affine(float[] x, int from, int count, int largest, float first, int steps) {
      float least = 0; // a minimum may lower, not raise
      float most = x[from];
      float squares = 0;
      for (int i = from; i < from + count; i++) {
        least = Math.min(least, x[i]);
        most = Math.max(most, x[i]);
        squares += x[i] * x[i];
      }
      if (most <= least) {
        return new Affine(0, -least);
      }
      float rms = (float) Math.sqrt(squares / count);
      float sumW = 0;
      float sumX = 0;
      for (int i = from; i < from + count; i++) {
        float w = rms + Math.abs(x[i]);
        sumW += w;
        sumX += w * x[i];
      }
      float inverse = largest / (most - least);
      float scale = 1 / inverse;
      float minimum = least;
      float best = error(x, from, count, largest, inverse, least, scale, minimum, rms);
      for (int step = 0; step <= steps; step++) {
        float zero = minimum; // the best so far is where the next candidate begins
        inverse = (first + 0.1f * step + largest) / (most - zero);
        float sumL = 0;
        float sumLl = 0;
        float sumXl = 0;
        for (int i = from; i < from + count; i++) {
          float l = Math.clamp((float) Math.rint(inverse * (x[i] - zero)), 0, largest);
          float w = rms + Math.abs(x[i]);
          sumL += w * l;
          sumLl += w * l * l;
          sumXl += w * l * x[i];
        }
        float determinant = sumW * sumLl - sumL * sumL;
        if (determinant > 0) {
          float newScale = (sumW * sumXl - sumX * sumL) / determinant;
          float newMinimum = (sumLl * sumX - sumL * sumXl) / determinant;
          if (newMinimum > 0) {
            newMinimum = 0;
            newScale = sumXl / sumLl;
          }
          float e = error(x, from, count, largest, inverse, zero, newScale, newMinimum, rms);
          if (e < best) {
            best = e;
            scale = newScale;
            minimum = newMinimum;
          }
        }
      }
      return new Affine(scale, -minimum);
    }

    /// The weighted error of a scale and a minimum, with the codes that a candidate gave.
    ///
    /// @param zero the number that the candidate gives code 0
    private static float error(
        float[] x,
        int from,
        int count,
        int largest,
        float inverse,
        float zero,
        float scale,
        float minimum,
        float rms) {
      float error = 0;
      for (int i = from; i < from + count; i++) {
        float l = Math.clamp((float) Math.rint(inverse * (x[i] - zero)), 0, largest);
        float off = scale * l + minimum - x[i];
        error += (rms + Math.abs(x[i])) * off * off;
      }
      return error;
    }

    /// Finds the scale of x ≈ scale · q, q from −`levels` to `levels` − 1; 0 for zeros.
    static float symmetric(float[] x, int from, int count, int levels) {
      float most = 0;
      for (int i = from; i < from + count; i++) {
        most = Math.abs(x[i]) > Math.abs(most) ? x[i] : most;
      }
      if (Math.abs(most) < NOTHING) {
        return 0;
      }
      float scale = 0;
      float best = 0;
      for (int step = -9; step <= 9; step++) {
        float inverse = -(levels + 0.1f * step) / most;
        float sumXl = 0;
        float sumLl = 0;
        for (int i = from; i < from + count; i++) {
          float l = Math.clamp((float) Math.rint(inverse * x[i]), -levels, levels - 1);
          float w = x[i] * x[i];
          sumXl += w * x[i] * l;
          sumLl += w * l * l;
        }
        if (sumLl > 0 && sumXl * sumXl > best * sumLl) {
          scale = sumXl / sumLl;
          best = scale * sumXl;
        }
      }
      return scale;
    }
  }
}
