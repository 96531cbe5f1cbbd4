package dev.nudge.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.format.ConfigJson;
import dev.nudge.format.Json;
import dev.nudge.machine.Backend;
import dev.nudge.settings.Compute;
import dev.nudge.settings.ModelSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// A GGUF file computes as the folder that it was made from (`src/test/reference/gguf_files.py`),
/// whose logits `GoldenLogitsTest` compares with transformers.
class GgufModelTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final double ROUNDING = 1e-5; // of the largest logit, fp32 products in other order

  static List<String> models() throws IOException {
    try (Stream<Path> files = Files.list(GOLDEN.resolve("gguf/models"))) {
      return files
          .map(file -> file.getFileName().toString().replace(".gguf", ""))
          .sorted()
          .toList();
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void itsLogitsAreThoseOfItsFolder(String family, @TempDir Path temp) throws IOException {
    Path gguf = GOLDEN.resolve("gguf/models").resolve(family + ".gguf");
    Path folder = GOLDEN.resolve("families").resolve(family).resolve("model");
    Map<String, @Nullable Object> config =
        new TreeMap<>(ConfigJson.read(folder.resolve("config.json")).plain());
    if (family.startsWith("gemma")) { // what no GGUF file can say
      config.put("query_pre_attn_scalar", config.get("head_dim"));
    }
    if (family.equals("gemma3")) {
      config.put("final_logit_softcapping", null);
    }
    Files.writeString(temp.resolve("config.json"), Json.line(config));
    Files.copy(folder.resolve("model.safetensors"), temp.resolve("model.safetensors"));
    int[] lengths = {1, 40, 8};
    double[][] want = logits(temp, lengths);
    double[][] got = logits(gguf, lengths);
    double largest = 0;
    double worst = 0;
    for (int i = 0; i < want.length; i++) {
      for (int j = 0; j < want[i].length; j++) {
        largest = Math.max(largest, Math.abs(want[i][j]));
        worst = Math.max(worst, Math.abs(want[i][j] - got[i][j]));
      }
    }
    System.out.printf("%s: %.1e of the largest logit%n", family, worst / largest);
    assertThat(worst / largest).isLessThan(ROUNDING);
  }

  private static double[][] logits(Path model, int[] lengths) {
    Backend backend = Backends.of(Compute.FP32);
    ModelConfig config = ModelConfig.load(model);
    Quantization held = Quantization.resolve(ModelSettings.of(model), config);
    int tokens = Arrays.stream(lengths).sum();
    int[] ids = new int[tokens];
    Arrays.setAll(ids, i -> 7 * i % config.vocabSize());
    Batch batch = new Batch(ids, lengths, new long[lengths.length], new int[0], new int[0]);
    try (CausalLm lm = Checkpoint.load(model, config, backend, held);
        Workspace ws = new Workspace(0, 64 << 20, backend.gemms().apply(1))) {
      lm.reserve(tokens);
      Tensor logits = lm.logits(batch, ws);
      assertThat(logits.dtype()).isEqualTo(Dtype.F32);
      double[][] all = new double[logits.rows()][logits.cols()];
      for (int r = 0; r < all.length; r++) {
        for (int c = 0; c < all[r].length; c++) {
          all[r][c] = logits.get(r, c);
        }
      }
      return all;
    }
  }
}
