package dev.nudge.merge;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.format.GgufFile;
import dev.nudge.format.StoredType;
import dev.nudge.format.WeightFile;
import dev.nudge.gguf.block.BlockReader;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.tensor.Bf16;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A GGUF file and an adapter become a dense folder.
class GgufMergeTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");

  @TempDir private Path temp;

  @Test
  void aGgufFileAndAnAdapterBecomeADenseFolder() throws Exception {
    Path base = GOLDEN.resolve("gguf/mixed/qwen2-tied.gguf");
    Path adapter = GOLDEN.resolve("families/qwen2-tied/train/final");
    Path out = temp.resolve("merged");
    Merged merged =
        Objects.requireNonNull(
            MergingTest.run(MergingTest.settings(base, List.of(adapter), out)), "cancelled");
    assertThat(merged.accepted()).isTrue();
    assertThat(merged.difference().kl()).isLessThan(1e-4);
    assertThat(MergingTest.names(out))
        .containsExactly(
            "config.json",
            "generation_config.json",
            "model.safetensors",
            "nudge.json",
            "tokenizer.json",
            "tokenizer_config.json");
    ModelConfig config = ModelConfig.load(out);
    assertThat(config).isEqualTo(ModelConfig.load(base));
    Checkpoint.check(out, config);
    try (WeightFile dense = WeightFile.open(out);
        WeightFile stored = WeightFile.open(base)) {
      assertThat(dense.names()).isEqualTo(config.tensors().keySet());
      embedding(dense.tensor(config.embedding()), (GgufFile) stored, config.embedding());
      String norm = "model.norm.weight";
      assertThat(dense.bytes(norm).mismatch(stored.bytes(norm))).isEqualTo(-1);
      assertThat(dense.entry("model.layers.0.mlp.gate_proj.weight").type())
          .isEqualTo(StoredType.BF16);
    }
  }

  /// What no adapter changes is what the blocks hold, rounded once.
  private static void embedding(Tensor dense, GgufFile stored, String name) {
    GgufFile.Packed packed = Objects.requireNonNull(stored.packed(name), name);
    assertThat(dense.dtype()).isEqualTo(Dtype.BF16);
    try (Scope scope = Scope.open("test")) {
      Tensor values = scope.tensor(Dtype.F32, packed.rows(), packed.cols());
      int blocks = (int) (values.elements() / packed.type().block());
      BlockReader.of(packed.type()).read(packed.bytes(), 0, blocks, values.data(), 0);
      for (long i = 0; i < values.elements(); i++) {
        float rounded = Bf16.toFloat(Bf16.round((float) values.at(i)));
        assertThat((float) dense.at(i)).isEqualTo(rounded);
      }
    }
  }
}
