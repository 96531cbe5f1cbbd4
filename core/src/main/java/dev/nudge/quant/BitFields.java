package dev.nudge.quant;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/// Reads and writes unsigned fields of 1 to 8 bits, packed into 32-bit words from the lowest bit,
/// across words if 32 is not a multiple of their size.
final class BitFields {
  private BitFields() {}

  /// The number of words that hold `n` fields.
  static long words(long n, int bits) {
    return Math.ceilDiv(n * bits, 32L);
  }

  /// Reads `n` fields.
  ///
  /// @param first the index of the first word
  /// @param step words from one to the next
  static void read(Tensor words, long first, long step, int bits, int n, byte[] to) {
    MemorySegment data = words.data();
    int mask = (1 << bits) - 1;
    long held = 0;
    int left = 0; // bits in `held`
    long at = 4 * first;
    for (int i = 0; i < n; i++) {
      if (left < bits) {
        held |= (data.get(JAVA_INT_UNALIGNED, at) & 0xffffffffL) << left;
        left += 32;
        at += 4 * step;
      }
      to[i] = (byte) (held & mask);
      held >>>= bits;
      left -= bits;
    }
  }

  /// Writes `n` fields into zeroed words.
  ///
  /// @param first the index of the first word
  /// @param step words from one to the next
  static void write(byte[] from, int n, int bits, Tensor words, long first, long step) {
    long held = 0;
    int filled = 0; // bits in `held`
    long at = 4 * first;
    for (int i = 0; i < n; i++) {
      held |= (from[i] & 0xffL) << filled;
      filled += bits;
      while (filled >= 32 || i == n - 1 && filled > 0) {
        words.data().set(JAVA_INT_UNALIGNED, at, (int) held);
        held >>>= 32;
        filled -= 32;
        at += 4 * step;
      }
    }
  }
}
