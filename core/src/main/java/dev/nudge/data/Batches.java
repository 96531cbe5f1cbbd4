package dev.nudge.data;

import dev.nudge.settings.InputException;
import dev.nudge.text.quality.Mix;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// Assigns rows to optimiser steps.
///
/// An epoch takes each row once, in ⌈rows / batch⌉ steps; its last step may be short and is never
/// filled from the next epoch. Each epoch has its own order, shuffled (Fisher and Yates) by a
/// SplitMix64 generator [1] seeded with the seed and the epoch's number, so that any step can be
/// computed alone, with the same result on every machine.
///
/// In a mixture, an epoch takes as many rows of each source as its portion says. The rows of a
/// source come in passes, each in its own order; an epoch continues where the last one ended, so no
/// row comes a second time before all others came once.
///
/// [1] Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014.
///
/// Each batch may be taken several times in a row, once a step.
///
/// Threading: any number of threads; the order of the last requested epoch is cached.
public final class Batches {
  private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

  private final int rows;
  private final int batchSize;
  private final long seed;
  private final boolean shuffle;
  private final List<Portion> portions;
  private final int times;
  private volatile @Nullable Order last;

  private record Order(int epoch, int[] rows) {}

  /// The portion of a source in an epoch.
  ///
  /// @param rows all rows of the source, at least one
  /// @param taken how many of them an epoch takes
  public record Portion(int[] rows, int taken) {}

  private Batches(
      int rows, int batchSize, long seed, boolean shuffle, List<Portion> portions, int times) {
    if (rows < 1 || batchSize < 1) {
      throw new IllegalArgumentException(
          "rows and batch size must be at least 1; given were " + rows + " and " + batchSize);
    }
    this.rows = rows;
    this.batchSize = batchSize;
    this.seed = seed;
    this.shuffle = shuffle;
    this.portions = portions;
    this.times = times;
  }

  /// Copies the batches, each taken so many times in a row.
  public Batches repeated(int times) {
    return new Batches(rows, batchSize, seed, shuffle, portions, times);
  }

  /// @param shuffle false: the order of the files in each epoch
  public static Batches of(int rows, int batchSize, long seed, boolean shuffle) {
    return new Batches(rows, batchSize, seed, shuffle, List.of(), 1);
  }

  /// Makes batches of a mixture of several sources.
  ///
  /// @param portions portions of an epoch, in the order of the sources
  /// @param shuffle false: the order of the files, one source after the other
  public static Batches mixed(List<Portion> portions, int batchSize, long seed, boolean shuffle) {
    long rows = portions.stream().mapToLong(Portion::taken).sum();
    return new Batches(Math.toIntExact(rows), batchSize, seed, shuffle, List.copyOf(portions), 1);
  }

  /// Describes the portions of a mixture: `chat.jsonl 700 rows of 1,000 (70.0 %), …`.
  ///
  /// @param sources names of the sources
  public String shown(List<String> sources) {
    List<String> parts = new ArrayList<>();
    for (int i = 0; i < portions.size(); i++) {
      Portion portion = portions.get(i);
      parts.add(
          String.format(
              Locale.ROOT,
              "%s %,d rows of %,d (%.1f %%)",
              sources.get(i),
              portion.taken(),
              portion.rows().length,
              100.0 * portion.taken() / rows));
    }
    return String.join(", ", parts);
  }

  /// Returns the steps of one epoch, the short one included.
  public int stepsPerEpoch() {
    return times * Math.ceilDiv(rows, batchSize);
  }

  /// Returns the steps of a number of epochs, fractions allowed: rounded up, at least 1.
  ///
  /// @throws InputException if they are more than an `int` holds
  public int steps(double epochs) {
    BigDecimal exact = BigDecimal.valueOf(epochs).multiply(BigDecimal.valueOf(stepsPerEpoch()));
    BigDecimal steps = exact.setScale(0, RoundingMode.CEILING).max(BigDecimal.ONE);
    if (steps.compareTo(BigDecimal.valueOf(Integer.MAX_VALUE)) > 0) {
      throw new InputException(
          "--epochs %s are more than 2^31 - 1 steps; give fewer".formatted(epochs));
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

  /// Returns the rows of a step, counted from 0: the batch size, fewer at an epoch's end.
  public int[] step(int step) {
    int from = step % stepsPerEpoch() / times * batchSize;
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
    if (portions.isEmpty()) {
      Arrays.setAll(order, i -> i);
    } else {
      int at = 0;
      for (int source = 0; source < portions.size(); source++) {
        at = take(source, epoch, order, at);
      }
    }
    if (shuffle) {
      shuffle(order, Mix.of(seed) + epoch);
    }
    return order;
  }

  /// Puts a source's part of an epoch into the order from a place on; returns the place behind it.
  private int take(int source, int epoch, int[] order, int at) {
    Portion portion = portions.get(source);
    int[] all = portion.rows();
    long from = (long) epoch * portion.taken();
    long pass = -1;
    int[] passed = all;
    for (int i = 0; i < portion.taken(); i++) {
      long place = from + i;
      if (shuffle && place / all.length != pass) {
        pass = place / all.length;
        passed = all.clone();
        shuffle(passed, Mix.of(Mix.of(seed) + source + 1) + pass);
      }
      order[at + i] = passed[(int) (place % all.length)];
    }
    return at + portion.taken();
  }

  private static void shuffle(int[] order, long seed) {
    long state = Mix.of(seed);
    for (int i = order.length - 1; i > 0; i--) {
      state += GOLDEN_GAMMA;
      int j = (int) Long.remainderUnsigned(Mix.of(state), i + 1);
      int kept = order[i];
      order[i] = order[j];
      order[j] = kept;
    }
  }
}
