package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;

/// The signs of a run on preferences that goes astray, each told once, and none of a sound one.
class PreferenceCheckTest {
  private static final int STEPS = 100;
  private static final int BATCH = 8;
  private static final double BETA = 0.1;

  private static List<String> run(double beta, IntFunction<Map<String, Double>> figures) {
    PreferenceCheck check = new PreferenceCheck(STEPS, BATCH, beta);
    List<String> lines = new ArrayList<>();
    for (int step = 1; step <= STEPS; step++) {
      lines.addAll(check.take(step, figures.apply(step)));
    }
    return lines;
  }

  private static Map<String, Double> pair(double chosen, double margin, double accuracy) {
    return Map.of("rewards_chosen", chosen, "margin", margin, "accuracy", accuracy);
  }

  @Test
  void aRunThatLearnsIsNotWarnedOf() {
    assertThat(run(BETA, step -> pair(-0.05 * step, 0.1 * step, Math.min(1, 0.5 + 0.05 * step))))
        .isEmpty();
    assertThat(run(0, step -> Map.of("kl", 90.0, "rewards_chosen", -500.0))).isEmpty();
  }

  @Test
  void accuracyAtChanceIsToldAfterATenth() {
    assertThat(run(BETA, step -> pair(0, 0.01, step % 2 == 0 ? 0.375 : 0.625)))
        .singleElement()
        .asString()
        .startsWith("accuracy is 50 % after a tenth of the run, what chance gives: ");
  }

  @Test
  void rewardsThatStayAreTold() {
    assertThat(run(BETA, step -> pair(0, 0, 0)))
        .singleElement()
        .asString()
        .startsWith("rewards are constant after a tenth of the run: chosen and rejected");
    assertThat(run(0, step -> Map.of("constant_groups", 1.0)))
        .singleElement()
        .asString()
        .startsWith("rewards are constant after a tenth of the run: the completions");
    assertThat(run(0, step -> Map.of("constant_groups", step % 5 == 0 ? 0.5 : 1.0))).isEmpty();
    assertThat(run(0, step -> Map.of("constant_groups", step == 5 ? 0.5 : 1.0)))
        .singleElement()
        .asString()
        .startsWith("the completions of nearly all prompts are worth the same at step 15, ");
  }

  @Test
  void aModelThatLeavesItsReferenceIsToldOnce() {
    assertThat(run(0, step -> Map.of("kl", 2.0 * step)))
        .containsExactly(
            "the model is far from its reference at step 51 (KL 102.0 nats an answer); lower"
                + " --learning-rate, or raise --beta");
    Map<String, Double> replayed = new HashMap<>(pair(1, 5, 1));
    replayed.put("replay_kl", 1.5);
    assertThat(run(BETA, step -> replayed))
        .containsExactly(
            "the model is far from its base at step 1 (KL 1.5 nats a token); lower --learning-rate,"
                + " or raise --replay-weight");
    assertThat(run(BETA, step -> pair(-0.4 * step, 3, 1)))
        .containsExactly(
            "the chosen answers are less likely than under the reference by 104 nats at step 26, so"
                + " a third one may win; lower --learning-rate, raise --beta, or add --rpo-alpha"
                + " 1");
  }
}
