package dev.nudge.merge;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.format.Entry;
import dev.nudge.format.Json;
import dev.nudge.format.SafeTensors;
import dev.nudge.format.ShardedWriter;
import dev.nudge.format.WeightFile;
import dev.nudge.kernel.Kernels;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.ModelFolder;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.Parameter;
import dev.nudge.settings.verb.MergeSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Files with stacks of experts are written as they came, with the numbers of those that have them
/// one by one.
class StackedExpertsTest {
  private static final Path FAMILIES = Path.of("src/test/resources/golden/families");

  @TempDir private Path temp;

  /// The model with all experts of a layer in one tensor, as transformers has it in memory.
  ///
  /// @param shards files, a tensor to each in turn
  static Path stacked(Path model, Path out, int shards) throws IOException {
    Files.createDirectories(out);
    Files.copy(model.resolve("config.json"), out.resolve("config.json"));
    Map<String, List<String>> parts = new TreeMap<>();
    try (SafeTensors file = SafeTensors.open(model)) {
      for (String name : file.names()) {
        String own = name.replace("block_sparse_moe", "mlp");
        String all =
            own.replaceFirst(
                    "experts\\.\\d+\\.(gate_proj|up_proj|w[13])\\.weight", "experts.gate_up_proj")
                .replaceFirst("experts\\.\\d+\\.(down_proj|w2)\\.weight", "experts.down_proj");
        parts.computeIfAbsent(all, n -> new ArrayList<>()).add(name);
      }
      Map<Path, List<Entry>> files = new LinkedHashMap<>();
      for (Map.Entry<String, List<String>> e : parts.entrySet()) {
        e.getValue().sort(Comparator.comparingInt(StackedExpertsTest::order));
        Entry first = file.entry(e.getValue().getFirst());
        int each = e.getKey().endsWith("gate_up_proj") ? 2 : 1;
        long[] shape =
            e.getValue().size() == 1
                ? first.dims()
                : new long[] {e.getValue().size() / each, each * first.dims()[0], first.dims()[1]};
        int shard = Math.floorMod(e.getKey().hashCode(), shards);
        String to = shards == 1 ? "model.safetensors" : "model-" + shard + ".safetensors";
        files
            .computeIfAbsent(out.resolve(to), f -> new ArrayList<>())
            .add(Entry.of(e.getKey(), Dtype.F32, shape));
      }
      try (ShardedWriter writer = ShardedWriter.create(Map.of("format", "pt"), files)) {
        parts.forEach((name, all) -> writer.write(name, all.stream().map(file::bytes).iterator()));
      }
      if (shards > 1) {
        Map<String, String> where = new TreeMap<>();
        files.forEach(
            (path, all) -> all.forEach(e -> where.put(e.name(), path.getFileName().toString())));
        Files.writeString(
            out.resolve("model.safetensors.index.json"),
            Json.line(Map.of("metadata", Map.of(), "weight_map", where)));
      }
    }
    return out;
  }

  /// By expert, gate before up.
  private static int order(String name) {
    String[] parts = name.replaceFirst(".*\\.experts\\.", "").split("\\.");
    boolean up = name.contains("up_proj") || name.contains(".w3.");
    return name.contains(".experts.") ? 2 * Integer.parseInt(parts[0]) + (up ? 1 : 0) : 0;
  }

  private static void assertSame(Path one, Path stacked, Path like) {
    ModelConfig config = ModelConfig.load(one);
    try (SafeTensors came = SafeTensors.open(like);
        SafeTensors written = SafeTensors.open(stacked);
        WeightFile a = Checkpoint.weights(one, config);
        WeightFile b = Checkpoint.weights(stacked, config)) {
      assertThat(written.names()).isEqualTo(came.names());
      for (String name : came.names()) {
        assertThat(written.entry(name)).isEqualTo(came.entry(name));
        assertThat(written.file(name).getFileName()).isEqualTo(came.file(name).getFileName());
      }
      assertThat(a.names()).isEqualTo(b.names()).anyMatch(name -> name.contains(".experts.4."));
      for (String name : a.names()) {
        assertThat(b.bytes(name).mismatch(a.bytes(name))).as(name).isEqualTo(-1);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"qwen3-moe, 1", "mixtral, 1", "olmoe, 3", "qwen2-moe, 2"})
  void aMergedModelHasTheStacksOfItsBase(String family, int shards) throws IOException {
    Path model = FAMILIES.resolve(family).resolve("model");
    Path stacked = stacked(model, temp.resolve("stacked"), shards);
    Path adapter = FAMILIES.resolve(family).resolve("train/final");
    for (Path base : List.of(model, stacked)) {
      MergeSettings settings =
          MergingTest.settings(
              base, List.of(adapter), temp.resolve("merged-" + base.getFileName()));
      assertThat(MergingTest.run(settings)).isNotNull();
    }
    assertSame(temp.resolve("merged-model"), temp.resolve("merged-stacked"), stacked);
  }

  @ParameterizedTest
  @CsvSource({"qwen3-moe, 2", "mixtral, 1"})
  void allWeightsAreWrittenAsTheyCame(String family, int shards) throws IOException {
    Path model = FAMILIES.resolve(family).resolve("model");
    Path stacked = stacked(model, temp.resolve("stacked"), shards);
    ModelConfig config = ModelConfig.load(model);
    try (Scope scope = Scope.open("parameters")) {
      List<Parameter> some = new ArrayList<>();
      for (Map.Entry<String, long[]> e : config.tensors().entrySet()) {
        boolean changes = e.getKey().hashCode() % 3 != 0 && e.getValue().length == 2;
        if (changes) {
          int rows = (int) e.getValue()[0];
          int cols = (int) e.getValue()[1];
          Parameter p = new Parameter(e.getKey(), true, rows, cols, Dtype.F32, 0, scope);
          Tensor master = p.master();
          for (long i = 0; i < master.elements(); i++) {
            master.put(i, i + e.getKey().length());
          }
          some.add(p);
        }
      }
      ModelFolder.write(model, temp.resolve("one"), some, Kernels.fastest());
      ModelFolder.write(stacked, temp.resolve("all"), some, Kernels.fastest());
    }
    assertSame(temp.resolve("one"), temp.resolve("all"), stacked);
  }
}
