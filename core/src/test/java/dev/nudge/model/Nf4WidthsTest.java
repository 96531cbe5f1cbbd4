package dev.nudge.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Backends;
import dev.nudge.Logits;
import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.simd.VectorKernels;
import dev.nudge.machine.Backend;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.quant.Nf4Format;
import dev.nudge.settings.verb.Compute;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// Scores of models in NF4 whose rows cut blocks and bytes, as bitsandbytes stores them and as they
/// are quantised here, by each provider of kernels, against transformers on the dequantised weights
/// in fp32 (`src/test/reference/nf4_widths.py`).
///
/// A total log-probability within 1e-5 of itself: both sum some hundred products a number in fp32,
/// 1e-6 of a logit apart. A row's scores move by percents if one scale in a hundred is another
/// block's.
class Nf4WidthsTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");

  @ParameterizedTest
  @CsvSource({"dense, false", "mixture, true"})
  void scoresAreThoseOfTransformersOnTheDequantisedWeights(String name, boolean twice)
      throws IOException {
    ObjectMapper json = new ObjectMapper();
    Path folder = GOLDEN.resolve("nf4-widths").resolve(name);
    JsonNode scores =
        json.readTree(Files.readString(folder.resolve("nf4/expected.json"))).get("score");
    List<JsonNode> rows =
        Files.readAllLines(GOLDEN.resolve("families/rows.jsonl")).stream()
            .map(json::readTree)
            .toList();
    assertThat(rows).hasSize(scores.size());
    Backend here = Backends.of(Compute.FP32);
    for (Kernels kernels :
        List.of(Kernels.fastest(), Kernels.of(List.of(new VectorKernels())), Kernels.plain())) {
      Backend backend =
          new Backend(
              here.compute(), kernels, here.gemms(), kernels.name(), here.processor(), List.of());
      for (String form : List.of("nf4/model", "model")) {
        Path from = folder.resolve(form);
        Quantization made =
            form.equals("model") ? Quantization.of(new Nf4Format(twice)) : Quantization.NONE;
        try (CausalLm model = Checkpoint.load(from, ModelConfig.load(from), backend, made)) {
          model.reserve(64);
          for (int r = 0; r < rows.size(); r++) {
            double want = scores.get(r).asDouble();
            assertThat(score(model, rows.get(r)))
                .as("%s, %s, row %d", form, kernels.name(), r)
                .isCloseTo(want, within(1e-5 * Math.abs(want)));
          }
        }
      }
    }
  }

  /// The log-probability of a row's trained tokens.
  private static double score(CausalLm model, JsonNode row) {
    int[] ids = row.get("ids").valueStream().mapToInt(JsonNode::asInt).toArray();
    double[] logits = Logits.of(model, ids);
    int vocabulary = logits.length / ids.length;
    double sum = 0;
    for (int i = row.get("first_trained").asInt(); i < ids.length; i++) {
      int at = (i - 1) * vocabulary;
      double all = 0;
      for (int v = 0; v < vocabulary; v++) {
        all += Math.exp(logits[at + v]);
      }
      sum += logits[at + ids[i]] - Math.log(all);
    }
    return sum;
  }
}
