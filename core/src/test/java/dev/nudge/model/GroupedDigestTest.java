package dev.nudge.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.format.Sha256;
import dev.nudge.kernel.Kernels;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.quant.StoredWeight;
import dev.nudge.quant.WeightFormat;
import dev.nudge.quant.WeightFormats;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// Weights of GPTQ, AWQ and compressed-tensors folders, dequantised to fp32, by the digests of
/// their bytes: the tools' products are exact there.
class GroupedDigestTest {
  private static final List<Path> PLACES =
      List.of(
          Path.of("src/test/resources/golden/grouped"), Path.of("../../shared/golden/quantised"));

  static Stream<Path> folders() throws IOException {
    Stream.Builder<Path> folders = Stream.builder();
    for (Path place : PLACES) {
      if (Files.isDirectory(place)) {
        try (Stream<Path> found = Files.list(place)) {
          found.filter(f -> Files.exists(f.resolve("expected.json"))).sorted().forEach(folders);
        }
      }
    }
    return folders.build();
  }

  @ParameterizedTest
  @MethodSource("folders")
  void weightsAreThoseOfTheTools(Path folder) throws IOException {
    JsonNode expected =
        new ObjectMapper().readTree(Files.readString(folder.resolve("expected.json")));
    ModelConfig config = ModelConfig.load(folder.resolve("model"));
    try (ModelWeights weights = ModelWeights.open(folder.resolve("model"), config);
        Workspace ws = new Workspace(0, 4 << 20, Gemm.plain())) {
      Checkpoint.check(weights, config);
      List<String> paths = new ArrayList<>(config.projections());
      if (expected.get("weights").has(config.head())) {
        paths.add(WeightFormats.module(config.head()));
      }
      for (String path : paths) {
        WeightFormat format = Objects.requireNonNull(weights.format(path), path);
        long[] shape = Objects.requireNonNull(config.tensors().get(path + ".weight"));
        int rows = (int) shape[0];
        int cols = (int) shape[1];
        String want = expected.get("weights").get(path + ".weight").asString();
        for (Kernels kernels : List.of(Kernels.plain(), Kernels.fastest())) {
          try (Scope scope = Scope.open("test")) {
            StoredWeight held = format.load(weights.file(), path, rows, cols, scope);
            StoredWeight stored = format.open(weights.file(), path, rows, cols);
            assertThat(digest(held, scope, ws, kernels)).as("%s held", path).isEqualTo(want);
            assertThat(digest(stored, scope, ws, kernels)).as("%s stored", path).isEqualTo(want);
          }
        }
      }
    }
  }

  private static String digest(StoredWeight weight, Scope scope, Workspace ws, Kernels kernels) {
    Tensor made = scope.tensor(Dtype.F32, weight.rows(), weight.cols());
    int half = weight.rows() / 2;
    weight.make(0, half, made.rows(0, half), ws, kernels);
    weight.make(half, weight.rows(), made.rows(half, weight.rows()), ws, kernels);
    Sha256 sha = new Sha256();
    sha.update(made.data());
    return sha.hex();
  }
}
