package dev.nudge.data.tokens;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// Loss weights of trained tokens that are not 1, as runs of adjacent tokens: most data has none.
///
/// ```
///   a run   int64 first token, int64 behind the last, float64 weight
/// ```
///
/// Threading: any number of threads; nothing changes.
public final class Weights {
  public static final int RUN = 3 * Long.BYTES; // bytes of one

  private final MemorySegment runs;
  private final int count;

  /// @param runs in order, without overlap
  public Weights(MemorySegment runs) {
    this.runs = runs;
    this.count = (int) (runs.byteSize() / RUN);
  }

  private long start(int run) {
    return runs.getAtIndex(TokenTable.LONG, 3L * run);
  }

  private long end(int run) {
    return runs.getAtIndex(TokenTable.LONG, 3L * run + 1);
  }

  private double weight(int run) {
    return Double.longBitsToDouble(runs.getAtIndex(TokenTable.LONG, 3L * run + 2));
  }

  /// The first run that ends behind a token.
  private int behind(long token) {
    int low = 0;
    int high = count;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (end(middle) <= token) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  /// The weight of a trained token.
  double of(long token) {
    int run = count == 0 ? 0 : behind(token);
    return run < count && start(run) <= token ? weight(run) : 1;
  }

  /// Collects runs.
  static final class Builder {
    private long[] words = new long[0];
    private int count;

    /// Adds the weight of a trained token, which comes behind all that have one.
    void add(long token, double weight) {
      long bits = Double.doubleToLongBits(weight);
      int last = 3 * (count - 1);
      if (count > 0 && words[last + 1] == token && words[last + 2] == bits) {
        words[last + 1]++;
        return;
      }
      if (3 * count == words.length) {
        words = Arrays.copyOf(words, Math.max(24, 2 * words.length));
      }
      words[3 * count] = token;
      words[3 * count + 1] = token + 1;
      words[3 * count + 2] = bits;
      count++;
    }

    int count() {
      return count;
    }

    long[] words() {
      return Arrays.copyOf(words, 3 * count);
    }
  }
}
