package dev.nudge.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Seeds;
import dev.nudge.kernel.CompilerWork;
import dev.nudge.settings.verb.SamplingSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// Holds the sampler, which sorts nothing, to one that sorts everything.
class PartialSelectionTest {
  private static final double BOUND = 1e-12; // sums in another order
  private static final int QUIET = 20;

  @Test
  void randomRowsAreDrawnFromAsIfAllWereSorted() {
    drawn(1_000);
  }

  @Test
  @Tag("slow")
  void moreRandomRowsToo() {
    drawn(4_000);
  }

  private static void drawn(int rounds) {
    Random random = Seeds.random();
    for (int round = 0; round < rounds; round++) {
      int vocabulary = round % 500 == 0 ? 50_000 : 1 + random.nextInt(300);
      check(random, row(random, vocabulary), settings(random, vocabulary));
    }
  }

  private static void check(Random random, double[] row, SamplingSettings settings) {
    int[] history = random.ints(random.nextInt(20), 0, row.length).toArray();
    PlainSampler plain = new PlainSampler(settings);
    Sampler sampler = LogitsTest.sampler(settings);
    try (Scope scope = Scope.open("test")) {
      Tensor rows = scope.tensor(random.nextBoolean() ? Dtype.F32 : Dtype.F64, 2, row.length);
      for (int i = 0; i < row.length; i++) {
        rows.set(0, i, random.nextGaussian());
        rows.set(1, i, row[i]); // all are floats
      }
      int count = history.length;
      String what = settings.toString();
      for (int i = 0; i < 20; i++) {
        assertThat(sampler.next(rows, 1, history, count, i))
            .as(what)
            .isEqualTo(plain.next(row, history, count, i));
      }
      if (settings.temperature() > 0) {
        assertThat(sampler.probabilities(rows, 1, history, count))
            .as(what)
            .containsExactly(plain.probabilities(row, history, count), within(BOUND));
      }
    }
  }

  /// Logits of several widths, with ties or without, some of them -∞.
  private static double[] row(Random random, int vocabulary) {
    double width = Math.pow(10, random.nextDouble() * 3 - 1);
    boolean ties = random.nextInt(4) == 0;
    double barred = random.nextInt(3) == 0 ? random.nextDouble() : 0;
    double[] row = new double[vocabulary];
    for (int i = 0; i < vocabulary; i++) {
      double logit = width * random.nextGaussian();
      row[i] = (float) (ties ? Math.rint(logit) + 0.0 : logit); // no -0, which sorts below 0
      if (random.nextDouble() < barred) {
        row[i] = Double.NEGATIVE_INFINITY;
      }
    }
    row[random.nextInt(vocabulary)] = 0.25;
    return row;
  }

  private static SamplingSettings settings(Random random, int vocabulary) {
    SamplingSettings settings =
        SamplingSettings.greedy()
            .withTemperature(random.nextInt(8) == 0 ? 0 : 0.05 + 2 * random.nextDouble())
            .withSeed(random.nextInt(1000));
    if (random.nextBoolean()) {
      settings = settings.withTopK(1 + random.nextInt(vocabulary + 3));
    }
    if (random.nextBoolean()) {
      settings = settings.withTopP(1 - random.nextDouble());
    }
    if (random.nextBoolean()) {
      settings = settings.withMinP(Math.pow(random.nextDouble(), 3));
    }
    return random.nextBoolean()
        ? settings
        : settings.withRepetitionPenalty(0.5 + random.nextDouble());
  }

  @Test
  void aTokenMakesNoGarbage() {
    SamplingSettings sampled =
        SamplingSettings.greedy()
            .withTemperature(0.8)
            .withTopK(500)
            .withTopP(0.9)
            .withMinP(0.01)
            .withRepetitionPenalty(1.1)
            .withPresencePenalty(0.5)
            .withMinTokens(9);
    noGarbage(SamplingSettings.greedy());
    noGarbage(sampled);
    noGarbage(sampled.withTopK(0));
  }

  private static void noGarbage(SamplingSettings settings) {
    Random random = new Random(5);
    Sampler sampler = new Sampler(settings, id -> id == 7, new Sampler.Room());
    int[] history = random.ints(100, 0, 5_000).toArray();
    long[] allowed = random.longs(5_000 / 64 + 1).toArray();
    try (Scope scope = Scope.open("test")) {
      Tensor rows = scope.tensor(Dtype.F32, 1, 5_000);
      for (int i = 0; i < 5_000; i++) {
        rows.set(0, i, 4 * random.nextGaussian());
      }
      AtomicInteger seed = new AtomicInteger();
      Runnable call =
          () -> sampler.next(rows, 0, history, 95, 100, seed.getAndIncrement(), allowed);
      assertThat(CompilerWork.quietCalls(QUIET, 0, call))
          .as("tokens in a row without garbage, %s", settings)
          .isEqualTo(QUIET);
    }
  }
}
