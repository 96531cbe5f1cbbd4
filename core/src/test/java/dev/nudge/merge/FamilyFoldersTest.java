package dev.nudge.merge;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.format.SafeTensors;
import dev.nudge.format.WeightFile;
import dev.nudge.kernel.Kernels;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.GoldenFamilies;
import dev.nudge.model.Quantization;
import dev.nudge.model.QuantizedFolder;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.quant.Nf4Format;
import dev.nudge.settings.verb.QuantizeSettings;
import dev.nudge.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// Writes merged and quantised folders of every family and compares them with those of PEFT and of
/// bitsandbytes.
class FamilyFoldersTest {
  @TempDir private Path temp;

  static List<Path> merged() throws IOException {
    return GoldenFamilies.models().stream()
        .filter(m -> Files.exists(m.resolveSibling("train/final")))
        .toList();
  }

  /// And those of `nf4_widths.py`, whose rows cut blocks.
  static List<Path> quantised() throws IOException {
    Path widths = Path.of("src/test/resources/golden/nf4-widths");
    return Stream.concat(
            GoldenFamilies.models().stream()
                .filter(m -> Files.exists(m.resolveSibling("nf4/model"))),
            Stream.of(widths.resolve("dense/model"), widths.resolve("mixture/model")))
        .toList();
  }

  /// Sums over each weight, whose numbers are rounded to bfloat16 here and not there.
  @ParameterizedTest
  @MethodSource("merged")
  void mergedWeightsAreThoseOfPeft(Path model) throws IOException {
    Path out = temp.resolve("out");
    Path adapter = model.resolveSibling("train/final");
    Merged result = MergingTest.run(MergingTest.settings(model, List.of(adapter), out));
    assertThat(Objects.requireNonNull(result).accepted()).isTrue();
    JsonNode expected =
        new ObjectMapper()
            .readTree(Files.readString(model.resolveSibling("train/expected.json")))
            .get("merged");
    ModelConfig config = ModelConfig.load(model);
    List<String> paths = config.projections();
    if (model
        .toString()
        .matches(".*(moe|mixtral|gpt-oss).*")) { // with routers, and not all that is dense
      paths = expected.propertyStream().map(e -> e.getKey().replaceAll("\\.weight$", "")).toList();
    }
    assertThat(paths).hasSize(expected.size());
    try (SafeTensors base = SafeTensors.open(model);
        SafeTensors written = SafeTensors.open(out);
        WeightFile file = Checkpoint.weights(out, config)) { // experts one by one
      assertThat(written.names()).isEqualTo(base.names());
      for (String path : paths) {
        Tensor t = file.tensor(path + ".weight");
        double sum = 0;
        double magnitudes = 0;
        for (long i = 0; i < t.elements(); i++) {
          sum += t.at(i);
          magnitudes += Math.abs(t.at(i));
        }
        JsonNode want = expected.get(config.module(path) + ".weight");
        double all = want.get(1).asDouble();
        assertThat(Math.abs(magnitudes - all)).as(path).isLessThan(2e-4 * all);
        assertThat(Math.abs(sum - want.get(0).asDouble())).as(path).isLessThan(2e-4 * all);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("quantised")
  void quantisedWeightsAreThoseOfBitsandbytes(Path model) {
    Path out = temp.resolve("out");
    Path stored = model.resolveSibling("nf4/model");
    boolean twice =
        new Nf4Format(true).equals(Quantization.stored(stored, ModelConfig.load(stored)).format());
    QuantizedFolder.prepare(
            QuantizeSettings.of(Map.of("model", model, "out", out, "double_quant", twice)))
        .write(Kernels.fastest(), () -> false);
    try (SafeTensors ours = SafeTensors.open(out);
        SafeTensors theirs = SafeTensors.open(stored)) {
      assertThat(ours.names()).isEqualTo(theirs.names());
      for (String name : theirs.names()) {
        if (name.contains("quant_state")) {
          continue; // which tells the type that was stored
        }
        assertThat(ours.entry(name).shape()).as(name).isEqualTo(theirs.entry(name).shape());
        if (ours.entry(name).type() == theirs.entry(name).type()) { // they widened what is dense
          assertThat(ours.bytes(name).mismatch(theirs.bytes(name))).as(name).isEqualTo(-1);
        }
      }
    }
  }
}
