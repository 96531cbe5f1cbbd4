package dev.nudge.text.quality;

/// Hash functions of 64 bits with the same results on every machine.
public final class Mix {
  private Mix() {}

  /// Spreads the bits of a number over all 64 (the finaliser of SplitMix64).
  public static long of(long z) {
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }

  /// Hashes a text; of 10^7 data sets with a million texts one has a collision.
  public static long of(CharSequence text) {
    long hash = 0x9E3779B97F4A7C15L + text.length();
    for (int i = 0; i < text.length(); i++) {
      hash = (hash ^ text.charAt(i)) * 0x100000001B3L;
      hash ^= hash >>> 29;
    }
    return of(hash);
  }

  /// Hashes an array of numbers.
  public static long of(int[] numbers) {
    long hash = 0x9E3779B97F4A7C15L + numbers.length;
    for (int number : numbers) {
      hash = (hash ^ number) * 0x100000001B3L;
      hash ^= hash >>> 29;
    }
    return of(hash);
  }
}
