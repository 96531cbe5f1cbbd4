package dev.nudge.merge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Backends;
import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.PeftFiles;
import dev.nudge.adapter.targets.Extras;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.format.SafeTensors;
import dev.nudge.machine.Backend;
import dev.nudge.model.Batch;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.Quantization;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// Merges the adapters that PEFT trained in `src/test/reference/extras.py`: the merged folder gives
/// the logits that PEFT gives with the adapter, within 1e-5 of the largest; its head is its own
/// where it no longer is the embedding, and its vocabulary the grown one.
class ExtrasMergeTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden/extras");

  @TempDir Path temp;

  static List<Path> adapters() throws IOException {
    try (Stream<Path> files = Files.walk(GOLDEN)) {
      return files
          .filter(f -> f.endsWith("final") && Files.isDirectory(f))
          .map(Path::getParent)
          .sorted()
          .toList();
    }
  }

  @ParameterizedTest
  @MethodSource("adapters")
  void theMergedModelGivesPeftsLogits(Path folder) throws IOException {
    Path base = folder.resolveSibling("model");
    Path out = temp.resolve("out");
    Merged result =
        Objects.requireNonNull(
            MergingTest.run(MergingTest.settings(base, List.of(folder.resolve("final")), out)));
    assertThat(result.difference().kl()).isLessThan(1e-9);
    ModelConfig before = ModelConfig.load(base);
    ModelConfig after = ModelConfig.load(out);
    String name = folder.getFileName().toString();
    assertThat(after.vocabSize()).isEqualTo(before.vocabSize() + (name.contains("grown") ? 3 : 0));
    assertThat(after.tieWordEmbeddings()).isEqualTo(before.tieWordEmbeddings() && staysTied(name));
    try (SafeTensors file = SafeTensors.open(out)) {
      assertThat(file.names()).containsExactlyInAnyOrderElementsOf(after.tensors().keySet());
    }
    compare(out, after, folder);
  }

  /// Two updates of one embedding are added up, each with its scale.
  @Test
  void updatesOfTheEmbeddingAddUp() {
    Path base = GOLDEN.resolve("untied/model");
    List<Path> both =
        List.of(
            GOLDEN.resolve("untied/lora-both/final"),
            GOLDEN.resolve("untied/lora-embedding/final"));
    Path out = temp.resolve("out");
    MergingTest.run(MergingTest.settings(base, both, out, "scale", List.of("1", "0.5")));
    String name = "model.embed_tokens.weight";
    try (SafeTensors before = SafeTensors.open(base);
        SafeTensors after = SafeTensors.open(out);
        SafeTensors one = SafeTensors.open(both.get(0).resolve(PeftFiles.WEIGHTS));
        SafeTensors two = SafeTensors.open(both.get(1).resolve(PeftFiles.WEIGHTS))) {
      Tensor is = after.tensor(name);
      for (int r = 0; r < is.rows(); r++) {
        for (int c = 0; c < is.cols(); c++) {
          double expected =
              before.tensor(name).get(r, c) + update(one, r, c) + 0.5 * update(two, r, c);
          assertThat(is.get(r, c)).isCloseTo(expected, within(1e-6));
        }
      }
    }
  }

  /// s·A·B of a number of the embedding.
  private static double update(SafeTensors adapter, int row, int col) {
    String path = "base_model.model.model.embed_tokens.lora_embedding_";
    Tensor a = adapter.tensor(path + "A");
    Tensor b = adapter.tensor(path + "B");
    double sum = 0;
    for (int i = 0; i < a.rows(); i++) {
      sum += 2 * a.get(i, row) * b.get(col, i); // alpha 6 over rank 3
    }
    return sum;
  }

  /// A layer that is saved whole brings its bias.
  @Test
  void aWholeLayersBiasIsMerged() {
    Path base = Path.of("src/test/resources/golden/families/qwen2-tied/model");
    Path adapter = temp.resolve("adapter");
    ModelConfig config = ModelConfig.load(base);
    String bias = "model.layers.0.self_attn.q_proj.bias";
    try (CausalLm lm = Checkpoint.load(base, config, Backends.of(Compute.FP32), Quantization.NONE);
        Scope scope = Scope.open("adapter")) {
      Lora spec =
          Lora.of(2, 4, Targets.parse("v_proj"))
              .withExtras(new Extras(List.of("q_proj"), Map.of(), 0, false));
      Adapters on = Adapters.attach(lm.modules(), spec, 1, Dtype.F32, 1, scope);
      on.parameters().stream()
          .filter(p -> p.name().endsWith("q_proj.bias"))
          .forEach(p -> p.master().put(0, 7));
      on.save(adapter, "base");
    }
    Path out = temp.resolve("out");
    MergingTest.run(
        MergingTest.settings(base, List.of(adapter), out, "tolerance", 1e9, "any_base", true));
    try (SafeTensors after = SafeTensors.open(out)) {
      assertThat(after.tensor(bias).at(0)).isEqualTo(7);
    }
  }

  /// Whether a tied head is the embedding with the adapter on it, in PEFT.
  private static boolean staysTied(String name) {
    return List.of(
            "save-tied",
            "save-norms-and-layer",
            "tokens",
            "tokens-both",
            "tokens-grown",
            "tokens-grown-both")
        .contains(name);
  }

  private static void compare(Path model, ModelConfig config, Path folder) throws IOException {
    JsonNode expected =
        new ObjectMapper().readTree(Files.readString(folder.resolve("expected.json")));
    JsonNode probe = expected.get("probe");
    int[] ids = probe.valueStream().mapToInt(JsonNode::asInt).toArray();
    Backend backend = Backends.of(Compute.FP32);
    try (CausalLm lm = Checkpoint.load(model, config, backend, Quantization.NONE);
        Workspace ws = new Workspace(0, 8 << 20, backend.gemms().apply(1))) {
      lm.reserve(ids.length);
      Tensor logits =
          lm.logits(
              new Batch(ids, new int[] {ids.length}, new long[1], new int[0], new int[0]), ws);
      JsonNode values = expected.get("after");
      assertThat(logits.elements()).isEqualTo(values.size());
      double largest = 0;
      double worst = 0;
      for (int i = 0; i < values.size(); i++) {
        double e = values.get(i).asDouble();
        largest = Math.max(largest, Math.abs(e));
        worst = Math.max(worst, Math.abs(logits.at(i) - e));
      }
      assertThat(worst / largest).isLessThan(1e-5);
    }
  }
}
