package dev.nudge.train.events;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.settings.train.TrainSettings;
import dev.nudge.train.events.TrainEvent.Diverged;
import dev.nudge.train.events.TrainEvent.Diverged.Cause;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.IntToDoubleFunction;
import org.junit.jupiter.api.Test;

class DivergenceCheckTest {
  private static final TrainSettings SETTINGS =
      TrainSettings.of(Path.of("m"), Path.of("d"), Path.of("o")).withLearningRate(2e-4);

  private static List<Diverged> seen(
      TrainSettings settings, int steps, IntToDoubleFunction loss, IntToDoubleFunction norm) {
    DivergenceCheck divergence = new DivergenceCheck(settings, steps);
    List<Diverged> seen = new ArrayList<>();
    for (int step = 1; step <= steps; step++) {
      Diverged sign =
          divergence.take(step, loss.applyAsDouble(step), norm.applyAsDouble(step), 100);
      if (sign != null) {
        seen.add(sign);
      }
    }
    assertThat(divergence.step())
        .isEqualTo(seen.isEmpty() ? null : (Integer) seen.getFirst().step());
    return seen;
  }

  @Test
  void aLossAboveItsStartForLongIsToldOnceWithTheRateToLower() {
    List<Diverged> seen = seen(SETTINGS, 400, s -> s < 50 ? 2 : 4, s -> 1);
    assertThat(seen).hasSize(1);
    assertThat(seen.getFirst().cause()).isEqualTo(Cause.LOSS);
    assertThat(seen.getFirst().step()).isBetween(60, 85);
    assertThat(seen.getFirst().line())
        .matches(
            "step \\d+: the loss has been above its start for 10 steps \\(smoothed 3\\.\\d\\d, it"
                + " began at 2\\.00\\): lower --learning-rate \\(now 2e-4\\), or give a longer"
                + " --warmup");
  }

  /// As an objective may have: 1.2 times such a loss lies below it.
  @Test
  void aSteadyLossBelowZeroIsNoSign() {
    assertThat(seen(SETTINGS, 400, s -> -2, s -> 1)).isEmpty();
    assertThat(seen(SETTINGS, 400, s -> s < 50 ? -2 : -1, s -> 1)).hasSize(1);
  }

  @Test
  void adviceFitsTheSettings() {
    TrainSettings bare = SETTINGS.withMaxGradNorm(0).withShuffle(false);
    assertThat(seen(bare, 400, s -> s < 50 ? 2 : 4, s -> 1).getFirst().line())
        .endsWith(
            "or give a longer --warmup, or leave --max-grad-norm at 1; with --no-shuffle later rows"
                + " may just be harder");
    assertThat(seen(bare, 100, s -> 1, s -> s == 70 ? 500 : 2).getFirst().line())
        .isEqualTo(
            "step 70: the norm of the gradient, 500, is over 100 times its median, 2.00, and"
                + " nothing clips it: leave --max-grad-norm at 1, or lower --learning-rate (now"
                + " 2e-4)");
  }

  @Test
  void theWarmUpDoesNotCount() {
    TrainSettings long1 = SETTINGS.with("warmup", 300);
    assertThat(seen(long1, 400, s -> s > 20 && s < 200 ? 9 : 2, s -> 1)).isEmpty();
    assertThat(seen(SETTINGS, 400, s -> s > 20 && s < 200 ? 9 : 2, s -> 1)).hasSize(1);
  }

  @Test
  void noisyLossesThatDoNotFallAreNoDivergence() {
    for (int seed = 0; seed < 200; seed++) {
      Random random = new Random(seed);
      double spread = seed % 2 == 0 ? 0.4 : 0.05;
      double mean = seed % 2 == 0 ? 2 : 0.05;
      assertThat(
              seen(
                  SETTINGS,
                  1000,
                  s -> Math.max(0, mean + spread * random.nextGaussian()),
                  s -> Math.exp(random.nextGaussian())))
          .as("seed %d", seed)
          .isEmpty();
    }
  }

  @Test
  void singleStepsThatJumpAreNoDivergence() {
    assertThat(seen(SETTINGS, 400, s -> s % 40 == 0 ? 6 : 2, s -> s % 40 == 0 ? 90 : 1)).isEmpty();
  }

  @Test
  void stepsWithoutANumberAreToldAfterAnUpdateOnly() {
    List<Diverged> seen = seen(SETTINGS, 100, s -> s > 50 ? Double.NaN : 2, s -> 1);
    assertThat(seen).hasSize(1);
    assertThat(seen.getFirst().cause()).isEqualTo(Cause.NOT_FINITE);
    assertThat(seen.getFirst().step()).isEqualTo(53);
    assertThat(seen.getFirst().line())
        .isEqualTo(
            "step 53: the loss or its gradient was not finite for 3 steps in a row: lower"
                + " --learning-rate (now 2e-4)");
    assertThat(seen(SETTINGS, 100, s -> Double.NaN, s -> 1)).isEmpty();
    assertThat(seen(SETTINGS, 100, s -> s % 3 == 0 ? 2 : Double.NaN, s -> 1)).isEmpty();
  }

  @Test
  void aNormFarAboveItsMedianIsToldOnce() {
    List<Diverged> seen = seen(SETTINGS, 100, s -> 2, s -> s % 30 == 0 ? 150 : 1 + 0.4 * (s % 2));
    assertThat(seen).hasSize(1);
    assertThat(seen.getFirst())
        .satisfies(
            sign -> {
              assertThat(sign.cause()).isEqualTo(Cause.GRADIENT_NORM);
              assertThat(sign.step()).isEqualTo(30);
              assertThat(sign.line())
                  .contains(
                      "it is clipped to --max-grad-norm 1, but look at the rows of this step");
            });
    assertThat(seen(SETTINGS, 20, s -> 2, s -> s == 15 ? 1e9 : 1)).as("too few known").isEmpty();
    assertThat(seen(SETTINGS, 50, s -> 2, s -> s == 40 ? 1 : 0)).as("nothing trained").isEmpty();
  }

  @Test
  void aStepWithNothingToTrainSaysNothing() {
    DivergenceCheck divergence = new DivergenceCheck(SETTINGS, 100);
    for (int step = 1; step < 90; step++) {
      assertThat(divergence.take(step, step < 9 ? 2 : Double.NaN, 0, step < 9 ? 10 : 0)).isNull();
    }
  }
}
