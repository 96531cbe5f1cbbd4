package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.data.tokens.Example;
import dev.nudge.data.tokens.Examples;
import dev.nudge.machine.Backend;
import dev.nudge.model.CausalLm;
import dev.nudge.model.family.TinyLlama;
import dev.nudge.nn.Parameter;
import dev.nudge.plan.Plan;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Scope;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/// Holds a skipped step to leaving no trace in parameters, moments and AdamW's count, and a run
/// that ends for such steps to saying why.
class SkippedStepTest {
  private final List<Example> rows =
      List.of(
          Examples.of(new int[] {1, 5, 9, 3, 7}, 2),
          Examples.of(new int[] {4, 4, 8}, 1),
          Examples.of(new int[] {2, 6, 30, 21}, 4)); // nothing trained

  @Test
  void aSkippedStepLeavesNoTrace() {
    assertThat(trained(true)).isEqualTo(trained(false));
  }

  private static final Trainer.Result MADE = new Trainer.Result(2, 1, 9, 8, false, Map.of(), null);
  private static final Trainer.Result EMPTY = new Trainer.Result(0, 0, 9, 0, true, Map.of(), null);
  private static final Trainer.Result NO_LOSS =
      new Trainer.Result(Double.NaN, Double.NaN, 9, 8, true, Map.of(), null);
  private static final Trainer.Result NO_GRADIENT =
      new Trainer.Result(2, Double.POSITIVE_INFINITY, 9, 8, true, Map.of(), null);

  private static SkippedSteps after(int times, Trainer.Result... steps) {
    SkippedSteps skipped = new SkippedSteps();
    for (int i = 0; i < times; i++) {
      assertThat(skipped.tooMany()).isFalse();
      for (Trainer.Result step : steps) {
        skipped.take(step);
      }
    }
    return skipped;
  }

  @Test
  void aStepWithNothingToTrainNeitherCountsNorBeginsTheCountAnew() {
    SkippedSteps mixed = after(10, NO_LOSS, EMPTY);
    assertThat(mixed.tooMany()).isTrue();
    assertThat(mixed.count()).isEqualTo(20);
    assertThat(mixed.nothingMade(true))
        .hasMessageStartingWith(
            "the loss was not finite in any of 10 steps, so nothing was trained");
    assertThat(after(40, EMPTY).tooMany()).isFalse();
    assertThat(after(40, NO_LOSS, EMPTY, MADE).tooMany()).isFalse();
    SkippedSteps last = after(1, NO_LOSS, EMPTY);
    assertThat(last.isLast()).isTrue();
    last.take(MADE);
    assertThat(last.isLast()).isFalse();
    assertThat(after(1, MADE, EMPTY).isLast()).isFalse();
  }

  @Test
  void aRunOfRowsOfOneTokenSaysSo() {
    assertThat(after(3, EMPTY).nothingMade(true))
        .hasMessage(
            "nothing was trained in 3 steps: each row is one token, which leaves nothing to"
                + " train; nothing is saved; take such rows out of --data, or give more --steps");
  }

  @Test
  void aRunThatDivergedSaysWhatWasNotFinite() {
    String gradient = "the loss was finite but its gradient was not ";
    String rest = "for 10 steps in a row; nothing is saved; lower --learning-rate";
    assertThat(after(10, NO_LOSS).diverged(false, true))
        .hasMessage("the loss was not finite " + rest);
    SkippedSteps gradients = after(1, NO_LOSS, MADE);
    for (int i = 0; i < 10; i++) {
      gradients.take(NO_GRADIENT);
    }
    assertThat(gradients.diverged(false, true)).hasMessage(gradient + rest);
    assertThat(gradients.nothingMade(false))
        .hasMessageStartingWith(gradient + "in any of 10 steps");
    assertThat(after(5, NO_LOSS, NO_GRADIENT).diverged(false, true))
        .hasMessage("the loss or its gradient was not finite " + rest);
  }

  private double[] trained(boolean withSkipped) {
    Backend backend = Backends.of(Compute.FP32);
    try (CausalLm model = TinyLlama.of(TinyLlama.config(2, true, false), backend, 1);
        Scope scope = Scope.open("adapter")) {
      model.reserve(8);
      Lora spec = Lora.of(3, 6, Targets.parse("all-linear"));
      Adapters adapter = Adapters.attach(model.modules(), spec, 1, backend.compute(), 2, scope);
      Plan plan = Plan.uncounted("test", 2, 1, 16, 8, model.measured().trainBytes(16, 8));
      TrainSettings settings =
          TrainSettings.of(
              Map.of("model", "m", "data", List.of("d"), "out", "o", "weight_decay", 0.1));
      List<Parameter> parameters = adapter.parameters();
      try (Trainer trainer =
          new Trainer(model, parameters, rows, plan, settings.optimizer(), 0, Path.of(""))) {
        assertThat(trainer.step(0, new int[] {0, 1, 2}, 0.01).skipped()).isFalse();
        if (withSkipped) {
          double kept = parameters.get(3).work().at(2);
          parameters.get(3).work().put(2, Double.NaN);
          Trainer.Result bad = trainer.step(1, new int[] {0, 1}, 0.01);
          assertThat(bad.skipped()).isTrue();
          assertThat(bad.gradNorm()).isNaN();
          parameters.get(3).work().put(2, kept);
          Trainer.Result nothing = trainer.step(2, new int[] {2}, 0.01);
          assertThat(nothing.skipped()).isTrue();
          assertThat(nothing.trainedTokens()).isZero();
        }
        assertThat(trainer.step(3, new int[] {1, 0}, 0.01).skipped()).isFalse();
      }
      return parameters.stream()
          .flatMapToDouble(
              p ->
                  java.util.stream.LongStream.range(0, p.elements())
                      .mapToDouble(i -> p.master().at(i)))
          .toArray();
    }
  }
}
