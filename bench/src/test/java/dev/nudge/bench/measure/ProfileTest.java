package dev.nudge.bench.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.bench.Breakdown;
import dev.nudge.bench.LeastFlops;
import dev.nudge.machine.Backend;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.Quantization;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.tensor.Dtype;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ProfileTest {
  private static final ModelConfig TINY =
      ModelConfig.llama(128, 160, 3, 4, 2, 32, 300, 64, true, 10_000);
  private static final int LENGTH = 24;

  @Test
  void productsOfAStepAreToldApartAndAddUpToTheFormula() {
    Profile profile = new Profile(TINY, TrainingSteps.RANK, Clock.WALL);
    LeastFlops work = LeastFlops.of(TINY, TrainingSteps.RANK);
    try (CausalLm model =
            Checkpoint.random(
                TINY, profile.around(Backend.plain(Dtype.F32)), Quantization.NONE, 1);
        TrainingSteps steps = new TrainingSteps(model, 1, 1, LENGTH, 2, Clock.WALL)) {
      steps.step();
      double tokens = steps.tokens();
      // nothing trains below the first layer, so its q, k and v have no gradient of their input
      double skipped = 128.0 * (128 + 64 + 64);
      double skippedSides = 3 * 128;
      assertThat(flops(profile, "product, base"))
          .isEqualTo(4 * work.linear() * tokens - 2 * skipped * tokens);
      assertThat(flops(profile, "product, head")).isEqualTo(4.0 * work.head() * steps.labelled());
      assertThat(flops(profile, "product, LoRA"))
          .isCloseTo(
              2 * TrainingSteps.RANK * (3 * work.adapted() - skippedSides) * tokens, within(1.0));
      // one block sees all keys: what lies behind the mask is computed and not credited
      assertThat(flops(profile, "product, attention"))
          .isEqualTo(2 * 7.0 * work.attention() * 2 * LENGTH * LENGTH);
    }
  }

  @Test
  void partsAndWhatIsLeftAddUpToTheStep() {
    Map<String, Profile.Sum> fast = Map.of("a", sum(4_000_000, 8e6), "b", sum(2_000_000, 0));
    Map<String, Profile.Sum> slow = Map.of("a", sum(8_000_000, 8e6));
    List<String> lines = Breakdown.lines(List.of(fast, slow), 2, 2, 0.010, 4);
    assertThat(lines)
        .containsExactly(
            "  part                          ms      %   calls   GFLOP/s   % of rate",
            "  a                              3.0   60.0       1         3        66.7",
            "  b                              0.5   10.0       0",
            "  waiting for slower lane        0.5   10.0",
            "  other                          1.0   20.0",
            "  step                           5.0  100.0");
  }

  private static Profile.Sum sum(long nanos, double flops) {
    Profile.Sum sum = new Profile.Sum();
    sum.nanos = nanos;
    sum.calls = 1;
    sum.flops = flops;
    return sum;
  }

  private static double flops(Profile profile, String prefix) {
    return profile.sheets().stream()
        .flatMap(sheet -> sheet.entrySet().stream())
        .filter(e -> e.getKey().startsWith(prefix))
        .mapToDouble(e -> e.getValue().flops)
        .sum();
  }
}
