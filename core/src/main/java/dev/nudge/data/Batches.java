package dev.nudge.data;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// Says which rows an optimiser step takes.
///
/// An epoch takes each row once, in ⌈rows / batch⌉ steps; its last step is short where the rows do
/// not divide, and never filled from the next epoch. Each epoch has an order of its own, shuffled
/// (Fisher and Yates) by a SplitMix64 generator [1] that starts from the seed and the epoch's
/// number, so that any step can be asked for at any time and says the same on every machine.
///
/// [1] Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014.
///
/// Threading: any number of threads; the order of the epoch asked for last is kept.
public final class Batches {
  private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

  private final int rows;
  private final int batchSize;
  private final long seed;
  private final boolean shuffle;
  private volatile @Nullable Order last;

  @SuppressWarnings("ArrayRecordComponent")
  private record Order(int epoch, int[] rows) {}

  private Batches(int rows, int batchSize, long seed, boolean shuffle) {
    if (rows < 1 || batchSize < 1) {
      throw new IllegalArgumentException(
          "rows and batch size must be at least 1; given were " + rows + " and " + batchSize);
    }
    this.rows = rows;
    this.batchSize = batchSize;
    this.seed = seed;
    this.shuffle = shuffle;
  }

  /// @param shuffle false: the order of the files, in each epoch
  public static Batches of(int rows, int batchSize, long seed, boolean shuffle) {
    return new Batches(rows, batchSize, seed, shuffle);
  }

  /// Returns the steps of one epoch, the short one included.
  public int stepsPerEpoch() {
    return Math.ceilDiv(rows, batchSize);
  }

  /// Returns the steps of a number of epochs, a fraction allowed: rounded up, at least 1.
  public int steps(double epochs) {
    BigDecimal exact = BigDecimal.valueOf(epochs).multiply(BigDecimal.valueOf(stepsPerEpoch()));
    BigDecimal steps = exact.setScale(0, RoundingMode.CEILING).max(BigDecimal.ONE);
    if (steps.compareTo(BigDecimal.valueOf(Integer.MAX_VALUE)) > 0) {
      throw new IllegalArgumentException(epochs + " epochs are more than 2^31 - 1 steps");
    }
    return steps.intValueExact();
  }

  /// Returns the epoch of a step; both count from 0.
  public int epoch(int step) {
    return step / stepsPerEpoch();
  }

  /// Tells whether a step, counted from 0, is the last of its epoch.
  public boolean endsEpoch(int step) {
    return (step + 1) % stepsPerEpoch() == 0;
  }

  /// Returns the rows of a step, counted from 0: the batch size of them, fewer at an epoch's end.
  public int[] step(int step) {
    int from = step % stepsPerEpoch() * batchSize;
    return Arrays.copyOfRange(order(epoch(step)), from, Math.min(rows, from + batchSize));
  }

  private int[] order(int epoch) {
    Order order = last;
    if (order == null || order.epoch() != epoch) {
      order = new Order(epoch, ordered(epoch));
      last = order;
    }
    return order.rows();
  }

  private int[] ordered(int epoch) {
    int[] order = new int[rows];
    Arrays.setAll(order, i -> i);
    if (shuffle) {
      long state = mix(seed) + epoch;
      state = mix(state);
      for (int i = rows - 1; i > 0; i--) {
        state += GOLDEN_GAMMA;
        int j = (int) Long.remainderUnsigned(mix(state), i + 1);
        int kept = order[i];
        order[i] = order[j];
        order[j] = kept;
      }
    }
    return order;
  }

  private static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
