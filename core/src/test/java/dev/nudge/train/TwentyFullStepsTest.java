package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.machine.Backend;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.Quantization;
import dev.nudge.model.Trainable;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.Parameter;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Scope;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/// Compares 20 steps of all weights with transformers and torch's AdamW in fp32
/// (`src/test/reference/train20_full.py`): tied and untied, with biases and without, weight
/// decay on matrices alone, for several cuts of the same step.
///
/// Losses and gradient norms within 1e-4 relative at each step, sums over the final tensors within
/// 1e-5 of the sums of their magnitudes.
class TwentyFullStepsTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");

  @ParameterizedTest
  @CsvSource({
    "grouped-tied, 1, 4096",
    "grouped-tied, 2, 60",
    "grouped-tied, 3, 200",
    "biased-sharded, 1, 4096",
    "biased-sharded, 2, 100",
    "llama3-rope, 1, 4096",
    "llama3-rope, 2, 4096"
  })
  void lossesEqualTransformers(String name, int lanes, int microBatchTokens) throws IOException {
    Path folder = GOLDEN.resolve("train-full").resolve(name);
    Path model = GOLDEN.resolve("llama").resolve(name).resolve("model");
    Path rows = GOLDEN.resolve("train").resolve(name).resolve("rows.jsonl");
    Backend backend = Backends.of(Compute.FP32);
    try (Scope scope = Scope.open("parameters");
        CausalLm trained =
            Checkpoint.load(
                model,
                ModelConfig.load(model),
                backend,
                Quantization.NONE,
                Trainable.all(lanes, scope))) {
      TwentySteps.hold(
          TwentySteps.expected(folder),
          rows,
          trained,
          trained.parameters(),
          lanes,
          microBatchTokens);
      JsonNode last = TwentySteps.expected(folder).get("final");
      assertThat(trained.parameters()).hasSize(last.size());
      for (Parameter p : trained.parameters()) {
        double sum = 0;
        double magnitudes = 0;
        for (long i = 0; i < p.elements(); i++) {
          sum += p.master().at(i);
          magnitudes += Math.abs(p.master().at(i));
        }
        double expected = last.get(p.name()).get(1).asDouble();
        assertThat(Math.abs(magnitudes - expected)).as(p.name()).isLessThan(1e-5 * expected);
        assertThat(Math.abs(sum - last.get(p.name()).get(0).asDouble()))
            .as(p.name())
            .isLessThan(1e-5 * expected);
      }
    }
  }
}
