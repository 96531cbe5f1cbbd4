package dev.nudge.python;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// Draws the numbers of CPython's `random.Random(seed)`: MT19937 [1], seeded by an array of the
/// seed's 32-bit words, with `random()`, `sample()` and `choices()`.
///
/// Threading: one thread.
///
/// [1] M. Matsumoto, T. Nishimura: Mersenne Twister, ACM TOMACS 8 (1), 1998.
public final class PythonRandom {
  private static final int N = 624;
  private static final int M = 397;

  private final int[] state = new int[N];
  private int at = N;

  public PythonRandom(long seed) {
    this(BigInteger.valueOf(seed));
  }

  /// @param seed its sign is ignored
  public PythonRandom(BigInteger seed) {
    BigInteger rest = seed.abs();
    int words = Math.max(1, Math.ceilDiv(rest.bitLength(), 32));
    int[] key = new int[words];
    for (int i = 0; i < words; i++) {
      key[i] = rest.intValue();
      rest = rest.shiftRight(32);
    }
    seed(key);
  }

  private void seed(int[] key) {
    state[0] = 19650218;
    for (int i = 1; i < N; i++) {
      state[i] = 1812433253 * (state[i - 1] ^ state[i - 1] >>> 30) + i;
    }
    int i = 1;
    int j = 0;
    for (int k = Math.max(N, key.length); k > 0; k--) {
      state[i] = (state[i] ^ (state[i - 1] ^ state[i - 1] >>> 30) * 1664525) + key[j] + j;
      i = next(i);
      j = j + 1 == key.length ? 0 : j + 1;
    }
    for (int k = N - 1; k > 0; k--) {
      state[i] = (state[i] ^ (state[i - 1] ^ state[i - 1] >>> 30) * 1566083941) - i;
      i = next(i);
    }
    state[0] = 0x80000000;
  }

  private int next(int i) {
    if (i + 1 < N) {
      return i + 1;
    }
    state[0] = state[N - 1];
    return 1;
  }

  private int word() {
    if (at == N) {
      for (int i = 0; i < N; i++) {
        int y = state[i] & 0x80000000 | state[(i + 1) % N] & 0x7FFFFFFF;
        state[i] = state[(i + M) % N] ^ y >>> 1 ^ ((y & 1) == 0 ? 0 : 0x9908B0DF);
      }
      at = 0;
    }
    int y = state[at++];
    y ^= y >>> 11;
    y ^= y << 7 & 0x9D2C5680;
    y ^= y << 15 & 0xEFC60000;
    return y ^ y >>> 18;
  }

  /// Returns a number in [0, 1) with 53 random bits.
  public double random() {
    int a = word() >>> 5;
    int b = word() >>> 6;
    return (a * 67108864.0 + b) * (1.0 / 9007199254740992.0);
  }

  /// Returns a uniform integer below `n`.
  private int below(int n) {
    int bits = Integer.SIZE - Integer.numberOfLeadingZeros(n);
    int drawn = word() >>> Integer.SIZE - bits;
    while (drawn >= n) {
      drawn = word() >>> Integer.SIZE - bits;
    }
    return drawn;
  }

  /// Returns the indices of `sample()`: `k` different elements of `n`, in drawing order.
  ///
  /// @throws IllegalArgumentException if `k` is larger than `n`
  public int[] sample(int n, int k) {
    if (k < 0 || k > n) {
      throw new IllegalArgumentException(k + " of " + n);
    }
    int[] drawn = new int[k];
    if (n <= listed(k)) {
      List<Integer> pool = new ArrayList<>(n);
      for (int i = 0; i < n; i++) {
        pool.add(i);
      }
      for (int i = 0; i < k; i++) {
        int j = below(n - i);
        drawn[i] = pool.get(j);
        pool.set(j, pool.get(n - i - 1));
      }
      return drawn;
    }
    Set<Integer> taken = new HashSet<>();
    for (int i = 0; i < k; i++) {
      int j = below(n);
      while (!taken.add(j)) {
        j = below(n);
      }
      drawn[i] = j;
    }
    return drawn;
  }

  /// Returns the largest `n` for which CPython's `sample()` shuffles a list instead of using a set.
  private static long listed(int k) {
    long most = 21;
    if (k > 5) {
      long power = 1;
      while (power < 3L * k) {
        power *= 4;
      }
      most += power;
    }
    return most;
  }

  /// Returns the indices of `choices()`: `k` elements of `n`, with replacement.
  public int[] choices(int n, int k) {
    int[] drawn = new int[k];
    for (int i = 0; i < k; i++) {
      drawn[i] = (int) Math.floor(random() * n);
    }
    return drawn;
  }
}
