package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.Lora;
import dev.nudge.adapter.Targets;
import dev.nudge.data.Example;
import dev.nudge.data.Examples;
import dev.nudge.machine.Backend;
import dev.nudge.model.CausalLm;
import dev.nudge.model.TinyLlama;
import dev.nudge.nn.Parameter;
import dev.nudge.plan.Plan;
import dev.nudge.settings.Compute;
import dev.nudge.settings.TrainSettings;
import dev.nudge.tensor.Scope;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/// Holds a skipped step to leaving no trace in parameters, moments and AdamW's count.
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

  private double[] trained(boolean withSkipped) {
    Backend backend = Backends.of(Compute.FP32);
    try (CausalLm model = TinyLlama.of(TinyLlama.config(2, true, false), backend, 1);
        Scope scope = Scope.open("adapter")) {
      model.reserve(8);
      Lora spec = Lora.of(3, 6, Targets.parse("all-linear"));
      Adapters adapter =
          Adapters.attach(model.slots(), List.of("lm_head"), spec, 1, backend.compute(), 2, scope);
      Plan plan = Plan.uncounted("test", 2, 1, 16, 8, model.trainBytes(16, 8));
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
