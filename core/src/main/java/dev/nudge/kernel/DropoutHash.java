package dev.nudge.kernel;

/// Decides which elements dropout keeps, by hashing an element's position instead of drawing
/// random numbers.
///
/// A mask that is a pure function of (row key, salt, column) needs no memory: the backward pass
/// recomputes it. The mask is also the same in every provider, lane and split into micro-batches.
///
/// The row's key and the salt are mixed once a row to 64 bits by the finaliser of SplitMix64 [1];
/// its halves a and b then seed a 32-bit hash per column, two rounds of xor-shift and multiply with
/// the constants of Wellons' lowbias32 [2], the second half of the key added between the rounds so
/// that rows with equal a do not share a mask:
///
///     x = column·0x9E3779B9 + a
///     x ^= x >>> 16;  x *= 0x7FEB352D;  x ^= b
///     x ^= x >>> 15;  x *= 0x846CA68B;  x ^= x >>> 16
///     keep ⇔ (x >>> 8) ≥ round(p·2²⁴)
///
/// Only 32-bit operations, because a multiply of 32-bit lanes is one instruction on every machine
/// and one of 64-bit lanes is not. p is met to 2⁻²⁵.
///
/// [1] Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators, OOPSLA 2014.
/// [2] Wellons, Prospecting for Hash Functions, 2018.
public final class DropoutHash {
  public static final int COLUMN = 0x9E3779B9;
  public static final int FIRST = 0x7FEB352D;
  public static final int SECOND = 0x846CA68B;

  private DropoutHash() {}

  /// Returns a row's key: a is its lower half, b its upper.
  public static long key(long rowKey, long salt) {
    return mix(mix(rowKey) + salt);
  }

  /// Returns the least value of a hash's upper 24 bits that keeps an element.
  public static int threshold(double p) {
    return (int) Math.rint(p * (1 << 24));
  }

  /// Returns whether dropout keeps the element in this column.
  public static boolean keeps(long key, int column, int threshold) {
    int x = column * COLUMN + (int) key;
    x = (x ^ (x >>> 16)) * FIRST;
    x ^= (int) (key >>> 32);
    x = (x ^ (x >>> 15)) * SECOND;
    x ^= x >>> 16;
    return (x >>> 8) >= threshold;
  }

  private static long mix(long z) {
    z += 0x9E3779B97F4A7C15L;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
