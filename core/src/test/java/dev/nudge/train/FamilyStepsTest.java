package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Backends;
import dev.nudge.adapter.PeftAdapter;
import dev.nudge.data.tokens.Example;
import dev.nudge.engine.Batcher;
import dev.nudge.format.WeightFile;
import dev.nudge.machine.Backend;
import dev.nudge.model.Batch;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.GoldenFamilies;
import dev.nudge.model.Quantization;
import dev.nudge.model.Trainable;
import dev.nudge.model.family.LayerConfig;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.model.rope.Turning;
import dev.nudge.nn.Balance;
import dev.nudge.nn.Dropout;
import dev.nudge.nn.ExpertLoad;
import dev.nudge.nn.Parameter;
import dev.nudge.quant.Nf4Format;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongToDoubleFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/// Compares training of every family with transformers, PEFT and bitsandbytes in fp32
/// (`src/test/reference/families.py`): ten steps of LoRA, on dense weights and on NF4, and five of
/// all weights, for two cuts of a step.
///
/// Losses and gradient norms within 1e-4 relative at each step, and what trained at the end; of all
/// weights also the gradient of each tensor.
class FamilyStepsTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden/families");
  private static final Path ROWS = GOLDEN.resolve("rows.jsonl");

  static Stream<Arguments> adapters() throws IOException {
    return cases("train", "");
  }

  static Stream<Arguments> full() throws IOException {
    return cases("train", "full");
  }

  /// And those of `nf4_widths.py`, whose rows cut blocks.
  static Stream<Arguments> nf4() throws IOException {
    return Stream.concat(
        cases("nf4", ""), cases(GOLDEN.resolveSibling("nf4-widths"), "nf4", "", "../nf4-widths/"));
  }

  private static Stream<Arguments> cases(String kind, String key) throws IOException {
    return cases(GOLDEN, kind, key, "");
  }

  private static Stream<Arguments> cases(Path golden, String kind, String key, String prefix)
      throws IOException {
    List<Arguments> all = new ArrayList<>();
    try (Stream<Path> folders = Files.list(golden)) {
      for (Path folder : folders.sorted().toList()) {
        Path expected = folder.resolve(kind);
        if (Files.exists(expected.resolve("expected.json"))
            && (key.isEmpty() || TwentySteps.expected(expected).has(key))) {
          all.add(Arguments.of(prefix + folder.getFileName(), 1, 4096));
          all.add(Arguments.of(prefix + folder.getFileName(), 2, 60));
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
        false,
        lanes,
        microBatchTokens,
        trained -> compareFinal(train.resolve("final"), trained));
  }

  @ParameterizedTest
  @MethodSource("nf4")
  void lossesOnNf4EqualPeftWithBitsandbytes(String name, int lanes, int microBatchTokens)
      throws IOException {
    Path folder = GOLDEN.resolve(name);
    boolean doubleQuant =
        TwentySteps.expected(folder.resolve("nf4")).get("settings").get("double_quant").asBoolean();
    boolean first = lanes == 1; // their folder once, streamed, and once quantised here
    TwentySteps.hold(
        folder.resolve("nf4"),
        ROWS,
        folder.resolve("train/init"),
        folder.resolve(first ? "nf4/model" : "model"),
        first ? Quantization.NONE : Quantization.of(new Nf4Format(doubleQuant)),
        first,
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
    try (Scope scope = Scope.open("parameters");
        CausalLm trained = open(model, Backends.of(Compute.FP32), lanes, scope);
        WeightFile stored = GoldenFamilies.weights(model)) {
      TwentySteps.hold(expected, ROWS, trained, trained.parameters(), lanes, microBatchTokens);
      double worst = 0;
      for (Parameter p : compared(trained, expected.get("moved"), true)) {
        Tensor before = stored.tensor(p.name());
        double[] moved = sketch(p, i -> p.master().at(i) - before.at(i));
        worst = Math.max(worst, hold(p, moved, expected.get("moved"), 3e-2));
      }
      System.out.printf("%s, all weights: movements within %.1e%n", name, worst);
    }
  }

  static List<String> trained() throws IOException {
    return full().map(a -> (String) a.get()[0]).distinct().toList();
  }

  /// Of the mean loss over all rows; the peer's are in double.
  @ParameterizedTest
  @MethodSource("trained")
  void theGradientOfEveryTensorEqualsThatOfTransformers(String name) throws IOException {
    holdGradients(name, full(name).get("gradients"), null);
  }

  /// With half of the routers' load-balancing loss beside it.
  @Test
  void theGradientOfTheLoadBalancingLossEqualsThatOfTransformers() throws IOException {
    JsonNode expected = full("qwen3-moe").get("balanced");
    double sum = 0;
    for (JsonNode loss : expected.get("losses")) {
      sum += loss.asDouble();
    }
    holdGradients("qwen3-moe", expected.get("gradients"), sum);
  }

  private static JsonNode full(String name) throws IOException {
    return TwentySteps.expected(GOLDEN.resolve(name).resolve("train")).get("full");
  }

  /// @param loads the sum of the sequences' load-balancing losses, half of which counts; null: none
  private static void holdGradients(String name, JsonNode gradients, @Nullable Double loads)
      throws IOException {
    Path model = GOLDEN.resolve(name).resolve("model");
    List<Example> examples = TwentySteps.examples(ROWS);
    List<Integer> all = IntStream.range(0, examples.size()).boxed().toList();
    int[] inOrder = IntStream.range(0, examples.size()).toArray();
    Batch batch = Batcher.batch(all, inOrder, examples, null);
    int longest = IntStream.of(batch.lengths()).max().orElseThrow();
    for (boolean exact : new boolean[] {true, false}) {
      Backend backend = exact ? Backend.plain(Dtype.F64) : Backends.of(Compute.FP32);
      try (Scope scope = Scope.open("parameters");
          CausalLm trained = open(model, backend, 1, scope)) {
        trained.reserve(longest);
        long bytes = trained.measured().trainBytes(batch.tokens(), longest);
        try (Workspace ws = new Workspace(0, bytes, backend.gemms().apply(1))) {
          Balance load = loads == null ? null : new Balance(0.5 / batch.lengths().length);
          ExpertLoad counted = load == null ? null : new ExpertLoad(trained.config().experts());
          trained.train(
              batch,
              null,
              1.0 / batch.rows().length,
              Dropout.NONE,
              counted == null ? null : counted.begin(load),
              ws);
          if (load != null && loads != null) {
            assertThat(load.loss()).isCloseTo(loads, within(1e-5 * loads));
          }
        }
        double worst = 0;
        for (Parameter p : compared(trained, gradients, false)) {
          double[] gradient = sketch(p, p.gradient(0)::at);
          worst = Math.max(worst, hold(p, gradient, gradients, exact ? 5e-6 : 2e-5));
        }
        System.out.printf("%s, %s: gradients within %.1e%n", name, backend.compute(), worst);
      }
    }
  }

  private static CausalLm open(Path model, Backend backend, int lanes, Scope scope) {
    return Checkpoint.load(
        model, ModelConfig.load(model), backend, Quantization.NONE, Trainable.all(lanes, scope));
  }

  /// What of a model is compared with the peer's.
  ///
  /// @param steps whether the optimiser's steps are compared, or gradients
  private static List<Parameter> compared(CausalLm model, JsonNode expected, boolean steps) {
    assertThat(model.parameters()).hasSize(expected.size());
    return model.parameters().stream().filter(p -> !noise(p, model.config(), steps)).toList();
  }

  /// Where keys do not turn their bias adds one number to all scores of a query: its gradient is 0
  /// but for rounding, which AdamW makes steps of. Where a part of a head turns, that is so for the
  /// numbers of the other part.
  private static boolean noise(Parameter p, ModelConfig config, boolean steps) {
    for (int i = 0; i < config.numHiddenLayers(); i++) {
      LayerConfig layer = config.layers().get(i);
      Turning turning = layer.turning();
      if ((turning == null || (steps && turning.width() < layer.attention().dim()))
          && p.name().endsWith("layers." + i + ".self_attn.k_proj.bias")) {
        return true;
      }
    }
    return false;
  }

  /// The products of a tensor with eight rows of random signs, those of `families.py`. Of the
  /// difference of two tensors they are as large as its norm, in the mean of squares.
  private static double[] sketch(Parameter p, LongToDoubleFunction at) {
    double[] products = new double[8];
    for (long i = 0; i < p.elements(); i++) {
      double v = at.applyAsDouble(i);
      long z = (i + 1) * 0x9E3779B97F4A7C15L;
      z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
      z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
      z ^= z >>> 31;
      for (int k = 0; k < products.length; k++) {
        products[k] += (z >>> k & 1) == 0 ? v : -v;
      }
    }
    return products;
  }

  /// Holds a tensor to the peer's: norm, then products.
  ///
  /// @return how far it lies from it, over its norm
  private static double hold(Parameter p, double[] products, JsonNode all, double bound) {
    JsonNode expected = all.get(p.name().replace("language_model.model", "model.language_model"));
    double squares = 0;
    for (int k = 0; k < products.length; k++) {
      squares += Math.pow(products[k] - expected.get(1 + k).asDouble(), 2);
    }
    double distance = Math.sqrt(squares / products.length) / expected.get(0).asDouble();
    assertThat(distance).as(p.name()).isLessThan(bound);
    return distance;
  }

  private static void compareFinal(Path folder, List<Parameter> parameters) {
    try (PeftAdapter last = PeftAdapter.open(folder)) {
      for (Parameter p : parameters) {
        Tensor want = last.tensor(p.name());
        double difference = 0;
        double norm = 0;
        for (int r = 0; r < want.rows(); r++) {
          for (int c = 0; c < want.cols(); c++) {
            difference += Math.pow(want.get(r, c) - p.master().get(r, c), 2);
            norm += Math.pow(want.get(r, c), 2);
          }
        }
        assertThat(Math.sqrt(difference / norm)).describedAs(p.name()).isLessThan(1e-3);
      }
    }
  }
}
