package dev.nudge.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Backends;
import dev.nudge.format.Entry;
import dev.nudge.format.Json;
import dev.nudge.format.SafeTensors;
import dev.nudge.format.Sha256;
import dev.nudge.format.StoredType;
import dev.nudge.kernel.Kernels;
import dev.nudge.machine.Backend;
import dev.nudge.model.BnbFiles.Part;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.quant.StoredWeight;
import dev.nudge.quant.WeightFormat;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/// Layers in FP8 are transformers' (`fp8.py`): weights to the bit, logits; broken ones are refused.
/// How they train, against their own numbers, is in [GroupedRunTest].
class Fp8Test {
  private static final Path GOLDEN = Path.of("src/test/resources/golden/fp8");
  private static final String Q = "model.layers.0.self_attn.q_proj.weight";

  @TempDir private Path temp;

  private static Path model(String name) {
    return GOLDEN.resolve(name).resolve("model");
  }

  private static JsonNode expected(String name) {
    return Json.read(GOLDEN.resolve(name).resolve("expected.json"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"block", "short", "tensor"})
  void weightsAreThoseOfTransformers(String name) {
    JsonNode digests = expected(name).get("weights");
    ModelConfig config = ModelConfig.load(model(name));
    try (ModelWeights weights = ModelWeights.open(model(name), config);
        Workspace ws = new Workspace(0, 1 << 20, Gemm.plain());
        Scope scope = Scope.open("test")) {
      Checkpoint.check(weights, config);
      assertThat(weights.layers().left()).hasSize(config.projections().size() - digests.size());
      digests.forEachEntry(
          (tensor, digest) -> {
            String path = tensor.substring(0, tensor.lastIndexOf('.'));
            long[] shape = Objects.requireNonNull(config.tensors().get(tensor));
            int rows = (int) shape[0];
            int cols = (int) shape[1];
            WeightFormat format = Objects.requireNonNull(weights.format(path), path);
            StoredWeight stored = format.open(weights.file(), path, rows, cols);
            assertThat(format.dry(path, rows, cols).bytes()).isEqualTo(stored.bytes());
            Tensor made = scope.tensor(Dtype.F32, rows, cols);
            stored.make(0, 7, made.rows(0, 7), ws, Kernels.fastest());
            stored.make(7, rows, made.rows(7, rows), ws, Kernels.fastest());
            Sha256 sha = new Sha256();
            sha.update(made.data());
            assertThat(sha.hex()).as(path).isEqualTo(digest.asString());
            Tensor half = scope.tensor(Dtype.BF16, rows, cols);
            Tensor rounded = scope.tensor(Dtype.BF16, rows, cols);
            stored.make(0, rows, half, ws, Kernels.fastest());
            Kernels.plain().elementwise().copy(made, rounded);
            assertThat(half.data().mismatch(rounded.data())).isEqualTo(-1);
          });
    }
  }

  /// Sums in another order: 1e-5 of the largest logit.
  @ParameterizedTest
  @ValueSource(strings = {"block", "short", "tensor"})
  void logitsAreThoseOfTransformers(String name) {
    int[] ids = expected(name).get("ids").valueStream().mapToInt(JsonNode::asInt).toArray();
    Backend backend = Backends.of(Compute.FP32);
    ModelConfig config = ModelConfig.load(model(name));
    try (SafeTensors golden = SafeTensors.open(GOLDEN.resolve(name).resolve("logits.safetensors"));
        CausalLm lm = Checkpoint.load(model(name), config, backend);
        Workspace ws = new Workspace(0, 1L << 24, backend.gemms().apply(1))) {
      Tensor want = golden.tensor("logits");
      double largest = 0;
      for (long i = 0; i < want.elements(); i++) {
        largest = Math.max(largest, Math.abs(want.at(i)));
      }
      lm.reserve(ids.length);
      Batch batch = new Batch(ids, new int[] {ids.length}, new long[1], new int[0], new int[0]);
      Tensor got = lm.logits(batch, ws);
      for (int r = 0; r < want.rows(); r++) {
        for (int c = 0; c < want.cols(); c++) {
          assertThat(got.get(r, c)).isCloseTo(want.get(r, c), within(1e-5 * largest));
        }
      }
    }
  }

  private static Arguments tensors(Consumer<Map<String, Part>> change, String message) {
    return Arguments.of(change, (UnaryOperator<String>) c -> c, message);
  }

  private static Arguments config(String from, String to, String message) {
    Consumer<Map<String, Part>> nothing = parts -> {};
    return Arguments.of(nothing, (UnaryOperator<String>) c -> c.replaceFirst(from, to), message);
  }

  private static Consumer<Map<String, Part>> as(String name, StoredType type, Long... shape) {
    return parts -> {
      Part old = Objects.requireNonNull(parts.get(name));
      Entry entry = new Entry(name, type, List.of(shape));
      parts.put(name, new Part(entry, Arrays.copyOf(old.bytes(), (int) entry.bytes())));
    };
  }

  static Stream<Arguments> mistakes() {
    return Stream.of(
        tensors(
            as(Q, StoredType.I8, 64L, 64L),
            Q + " is I8 [64, 64]; a layer of [64, 64] in fp8 needs F8_E4M3 [64, 64]"),
        tensors(
            as(Q, StoredType.F8_E4M3, 64L, 63L),
            Q + " is F8_E4M3 [64, 63]; a layer of [64, 64] in fp8 needs F8_E4M3 [64, 64]"),
        tensors(
            as(Q + "_scale_inv", StoredType.F8_E8M0, 2L, 4L),
            Q
                + "_scale_inv is F8_E8M0 [2, 4]; a layer of [64, 64] in fp8 with blocks of [32, 16]"
                + " needs F16 or BF16 or F32 [2, 4]"),
        tensors(
            parts ->
                Arrays.fill(
                    Objects.requireNonNull(parts.get(Q + "_scale_inv")).bytes(), (byte) 255),
            Q + "_scale_inv has NaN at 0; a scale is a finite number"),
        tensors(
            parts -> parts.remove(Q + "_scale_inv"),
            "tensor \"" + Q + "\": dtype F8_E4M3 is not supported"),
        tensors(parts -> parts.remove(Q), "has no tensor \"" + Q + "\""),
        config("\\[32, 16\\]", "[32]", "weight_block_size is a list of 1; a list of 2 is needed"),
        config(
            "\\[32, 16\\]", "[32, 0]", "weight_block_size is [32,0]; two whole numbers from 1 are"),
        config("\\[32, 16\\]", "[32, 32]", "with blocks of [32, 32] needs F16 or BF16 or F32 [2,"),
        config(
            "dynamic", "static", "activation_scheme \"static\" is not supported; supported: dyn"),
        config("e4m3", "e5m2", "fmt \"e5m2\" is not supported; supported: e4m3"));
  }

  @ParameterizedTest
  @MethodSource("mistakes")
  void whatIsBrokenIsRefusedInOneLine(
      Consumer<Map<String, Part>> change, UnaryOperator<String> config, String message)
      throws IOException {
    Path folder = BnbFiles.changed(model("block"), temp.resolve("model"), change);
    Path file = folder.resolve("config.json");
    Files.writeString(file, config.apply(Files.readString(file)));
    assertThatThrownBy(() -> Checkpoint.check(folder, ModelConfig.load(folder)))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(folder.toString())
        .hasMessageContaining(message)
        .message()
        .doesNotContain("\n");
  }
}
