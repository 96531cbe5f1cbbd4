package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.format.SafeTensors;
import dev.nudge.machine.Backend;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.ModelConfig;
import dev.nudge.model.Quantization;
import dev.nudge.model.Trainable;
import dev.nudge.nn.Parameter;
import dev.nudge.quant.Nf4Format;
import dev.nudge.settings.Compute;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/// Compares training of every family with transformers, PEFT and bitsandbytes in fp32
/// (`src/test/reference/families.py`): ten steps of LoRA, on dense weights and on NF4, and five of
/// all weights, for two cuts of a step.
///
/// Losses and gradient norms within 1e-4 relative at each step, and what trained at the end.
class FamilyStepsTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden/families");
  private static final Path ROWS = GOLDEN.resolve("rows.jsonl");

  static Stream<Arguments> adapters() throws IOException {
    return cases("train", "");
  }

  static Stream<Arguments> full() throws IOException {
    return cases("train", "full");
  }

  static Stream<Arguments> nf4() throws IOException {
    return cases("nf4", "");
  }

  private static Stream<Arguments> cases(String kind, String key) throws IOException {
    List<Arguments> all = new ArrayList<>();
    try (Stream<Path> folders = Files.list(GOLDEN)) {
      for (Path folder : folders.sorted().toList()) {
        Path expected = folder.resolve(kind);
        if (Files.exists(expected.resolve("expected.json"))
            && (key.isEmpty() || TwentySteps.expected(expected).has(key))) {
          all.add(Arguments.of(folder.getFileName().toString(), 1, 4096));
          all.add(Arguments.of(folder.getFileName().toString(), 2, 60));
        }
      }
    }
    return all.stream();
  }

  @ParameterizedTest
  @MethodSource("adapters")
  void lossesEqualPeft(String name, int lanes, int microBatchTokens) throws IOException {
    Path train = GOLDEN.resolve(name).resolve("train");
    TwentySteps.hold(
        train,
        ROWS,
        train.resolve("init"),
        GOLDEN.resolve(name).resolve("model"),
        Quantization.NONE,
        lanes,
        microBatchTokens,
        trained -> compareFinal(train.resolve("final"), trained));
  }

  @ParameterizedTest
  @MethodSource("nf4")
  void lossesOnNf4EqualPeftWithBitsandbytes(String name, int lanes, int microBatchTokens)
      throws IOException {
    Path folder = GOLDEN.resolve(name);
    boolean first = lanes == 1; // their folder once, and once quantised here
    TwentySteps.hold(
        folder.resolve("nf4"),
        ROWS,
        folder.resolve("train/init"),
        folder.resolve(first ? "nf4/model" : "model"),
        first ? Quantization.NONE : Quantization.of(new Nf4Format(true)),
        lanes,
        microBatchTokens,
        trained -> {});
  }

  @ParameterizedTest
  @MethodSource("full")
  void lossesOfAllWeightsEqualTransformers(String name, int lanes, int microBatchTokens)
      throws IOException {
    Path model = GOLDEN.resolve(name).resolve("model");
    JsonNode expected = TwentySteps.expected(GOLDEN.resolve(name).resolve("train")).get("full");
    Backend backend = Backends.of(Compute.FP32);
    try (Scope scope = Scope.open("parameters");
        CausalLm trained =
            Checkpoint.load(
                model,
                ModelConfig.load(model),
                backend,
                Quantization.NONE,
                Trainable.all(lanes, scope))) {
      TwentySteps.hold(expected, ROWS, trained, trained.parameters(), lanes, microBatchTokens);
      JsonNode last = expected.get("final");
      assertThat(trained.parameters()).hasSize(last.size());
      for (Parameter p : trained.parameters()) {
        if (!noise(p, trained.config())) {
          compareSums(
              p, last.get(p.name().replace("language_model.model", "model.language_model")));
        }
      }
    }
  }

  /// Where keys do not turn their bias adds one number to all scores of a query: its gradient is 0
  /// but for rounding, which AdamW makes steps of.
  private static boolean noise(Parameter p, ModelConfig config) {
    for (int i = 0; i < config.numHiddenLayers(); i++) {
      if (config.layers().get(i).turning() == null
          && p.name().endsWith("layers." + i + ".self_attn.k_proj.bias")) {
        return true;
      }
    }
    return false;
  }

  private static void compareSums(Parameter p, JsonNode expected) {
    double sum = 0;
    double magnitudes = 0;
    for (long i = 0; i < p.elements(); i++) {
      sum += p.master().at(i);
      magnitudes += Math.abs(p.master().at(i));
    }
    double all = expected.get(1).asDouble();
    assertThat(Math.abs(magnitudes - all)).as(p.name()).isLessThan(1e-4 * all);
    assertThat(Math.abs(sum - expected.get(0).asDouble())).as(p.name()).isLessThan(1e-4 * all);
  }

  private static void compareFinal(Path folder, List<Parameter> parameters) {
    try (SafeTensors last = SafeTensors.open(folder.resolve("adapter_model.safetensors"))) {
      for (Parameter p : parameters) {
        Tensor want = last.tensor(p.name());
        double difference = 0;
        double norm = 0;
        for (long i = 0; i < want.elements(); i++) {
          difference += Math.pow(want.at(i) - p.master().at(i), 2);
          norm += Math.pow(want.at(i), 2);
        }
        assertThat(Math.sqrt(difference / norm)).describedAs(p.name()).isLessThan(1e-3);
      }
    }
  }
}
