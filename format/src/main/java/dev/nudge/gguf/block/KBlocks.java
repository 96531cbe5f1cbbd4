package dev.nudge.gguf.block;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/// The K-types: a block is 256 numbers in groups, each group with its own scale.
final class KBlocks {
  private KBlocks() {}

  /// Q2_K: 16 groups of 16, each with a scale and a minimum of 4 bits.
  ///
  ///     16 bytes: low nibble scale, high nibble minimum · 64 bytes of 2 bits · d · dmin
  ///     value = (d · scale) · q − (dmin · minimum)
  ///
  /// Element e has bits 2p and 2p + 1 of byte 32·(e / 128) + e % 32, with p = (e / 32) % 4.
  record Q2() implements BlockReader {
    private static final int BYTES = 84;

    @Override
    public void read(MemorySegment from, long at, int blocks, MemorySegment to, long start) {
      for (int b = 0; b < blocks; b++) {
        long block = at + (long) b * BYTES;
        float d = BlockReader.half(from, block + 80);
        float min = BlockReader.half(from, block + 82);
        for (int g = 0; g < 16; g++) {
          int both = from.get(JAVA_BYTE, block + g);
          long codes = block + 16 + 32L * (g / 8) + 16L * (g % 2);
          long values = start + 1024L * b + 64L * g;
          group(d * (both & 15), min * (both >> 4 & 15), from, codes, g / 2 % 4 * 2, to, values);
        }
      }
    }

    private static void group(
        float d, float m, MemorySegment from, long at, int shift, MemorySegment to, long start) {
      for (int i = 0; i < 16; i++) {
        int q = from.get(JAVA_BYTE, at + i) >> shift & 3;
        to.set(JAVA_FLOAT_UNALIGNED, start + 4L * i, d * q - m);
      }
    }
  }

  /// Q3_K: 16 groups of 16, each with a scale of 6 bits.
  ///
  ///     32 bytes of third bits · 64 bytes of 2 bits · 12 bytes of scales · d
  ///     value = (d · (scale − 32)) · (q − (third bit ? 0 : 4))
  ///
  /// The two low bits are as in [Q2]; the third bit of element e is bit e / 32 of byte e % 32.
  record Q3() implements BlockReader {
    private static final int BYTES = 110;

    @Override
    public void read(MemorySegment from, long at, int blocks, MemorySegment to, long start) {
      for (int b = 0; b < blocks; b++) {
        long block = at + (long) b * BYTES;
        float d = BlockReader.half(from, block + 108);
        for (int g = 0; g < 16; g++) {
          float scaled = d * (scale(from, block + 96, g) - 32);
          long values = start + 1024L * b + 64L * g;
          group(scaled, from, block, g, to, values);
        }
      }
    }

    /// Reads a scale: four low bits from the first eight bytes, two high bits from the last four.
    private static int scale(MemorySegment from, long at, int s) {
      int low = from.get(JAVA_BYTE, at + s % 8) >> (s < 8 ? 0 : 4) & 15;
      return low | (from.get(JAVA_BYTE, at + 8 + s % 4) >> 2 * (s / 4) & 3) << 4;
    }

    private static void group(
        float d, MemorySegment from, long block, int g, MemorySegment to, long start) {
      long column = 16L * (g % 2);
      long low = block + 32 + 32L * (g / 8) + column;
      int shift = g / 2 % 4 * 2;
      for (int i = 0; i < 16; i++) {
        int q = from.get(JAVA_BYTE, low + i) >> shift & 3;
        int third = from.get(JAVA_BYTE, block + column + i) >> g / 2 & 1;
        to.set(JAVA_FLOAT_UNALIGNED, start + 4L * i, d * (q - 4 + 4 * third));
      }
    }
  }

  /// Q4_K: 8 groups of 32, each with a scale and a minimum of 6 bits.
  ///
  ///     d · dmin · 12 bytes of scales and minima · 128 bytes of 4 bits
  ///     value = (d · scale) · q − (dmin · minimum)
  ///
  /// In each pair of groups the first has the low nibbles of 32 bytes, the second the high nibbles.
  record Q4() implements BlockReader {
    private static final int BYTES = 144;

    @Override
    public void read(MemorySegment from, long at, int blocks, MemorySegment to, long start) {
      for (int b = 0; b < blocks; b++) {
        long block = at + (long) b * BYTES;
        float d = BlockReader.half(from, block);
        float min = BlockReader.half(from, block + 2);
        for (int g = 0; g < 8; g++) {
          float scaled = d * scale(from, block + 4, g);
          float m = min * minimum(from, block + 4, g);
          long codes = block + 16 + 32L * (g / 2);
          group(scaled, m, from, codes, g % 2 * 4, to, start + 1024L * b + 128L * g);
        }
      }
    }

    /// Returns the 6-bit scale of a group; the last four groups keep their two high bits above the
    /// scales of the first four.
    static int scale(MemorySegment from, long at, int g) {
      return g < 4
          ? from.get(JAVA_BYTE, at + g) & 63
          : from.get(JAVA_BYTE, at + 4 + g) & 15 | (from.get(JAVA_BYTE, at + g - 4) >> 6 & 3) << 4;
    }

    /// Returns the 6-bit minimum of a group, stored as [#scale].
    static int minimum(MemorySegment from, long at, int g) {
      return g < 4
          ? from.get(JAVA_BYTE, at + 4 + g) & 63
          : from.get(JAVA_BYTE, at + 4 + g) >> 4 & 15 | (from.get(JAVA_BYTE, at + g) >> 6 & 3) << 4;
    }

    private static void group(
        float d, float m, MemorySegment from, long at, int shift, MemorySegment to, long start) {
      for (int i = 0; i < 32; i++) {
        int q = from.get(JAVA_BYTE, at + i) >> shift & 15;
        to.set(JAVA_FLOAT_UNALIGNED, start + 4L * i, d * q - m);
      }
    }
  }

  /// Q5_K: as [Q4], with 32 bytes of fifth bits before the nibbles; the fifth bit of element e is
  /// bit e / 32 of byte e % 32.
  record Q5() implements BlockReader {
    private static final int BYTES = 176;

    @Override
    public void read(MemorySegment from, long at, int blocks, MemorySegment to, long start) {
      for (int b = 0; b < blocks; b++) {
        long block = at + (long) b * BYTES;
        float d = BlockReader.half(from, block);
        float min = BlockReader.half(from, block + 2);
        for (int g = 0; g < 8; g++) {
          float scaled = d * Q4.scale(from, block + 4, g);
          float m = min * Q4.minimum(from, block + 4, g);
          group(scaled, m, from, block + 16, g, to, start + 1024L * b + 128L * g);
        }
      }
    }

    /// @param at offset of the fifth bits
    private static void group(
        float d, float m, MemorySegment from, long at, int g, MemorySegment to, long start) {
      long low = at + 32 + 32L * (g / 2);
      int shift = g % 2 * 4;
      for (int i = 0; i < 32; i++) {
        int q = from.get(JAVA_BYTE, low + i) >> shift & 15;
        int fifth = from.get(JAVA_BYTE, at + i) >> g & 1;
        to.set(JAVA_FLOAT_UNALIGNED, start + 4L * i, d * (q + 16 * fifth) - m);
      }
    }
  }

  /// Q6_K: 16 groups of 16, each with a signed byte as scale.
  ///
  ///     128 bytes of 4 low bits · 64 bytes of 2 high bits · 16 scales · d
  ///     value = (d · scale) · (q − 32)
  ///
  /// Element e of half h = e / 128 and j = e % 128: low bits in byte 64h + j % 64, its low nibble
  /// for j < 64; high bits 2·(j / 32) and the next bit of byte 32h + j % 32.
  record Q6() implements BlockReader {
    private static final int BYTES = 210;

    @Override
    public void read(MemorySegment from, long at, int blocks, MemorySegment to, long start) {
      for (int b = 0; b < blocks; b++) {
        long block = at + (long) b * BYTES;
        float d = BlockReader.half(from, block + 208);
        for (int g = 0; g < 16; g++) {
          float scaled = d * from.get(JAVA_BYTE, block + 192 + g);
          group(scaled, from, block, g, to, start + 1024L * b + 64L * g);
        }
      }
    }

    private static void group(
        float d, MemorySegment from, long block, int g, MemorySegment to, long start) {
      int half = g / 8;
      int j = g % 8 * 16;
      long low = block + 64L * half + j % 64;
      long high = block + 128 + 32L * half + j % 32;
      int lowShift = j < 64 ? 0 : 4;
      int highShift = j / 32 * 2;
      for (int i = 0; i < 16; i++) {
        int q =
            from.get(JAVA_BYTE, low + i) >> lowShift & 15
                | (from.get(JAVA_BYTE, high + i) >> highShift & 3) << 4;
        to.set(JAVA_FLOAT_UNALIGNED, start + 4L * i, d * (q - 32));
      }
    }
  }
}
