package dev.nudge.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.format.SafeTensors;
import dev.nudge.model.family.ModelConfig;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Folders that transformers saved: config and weights must agree.
class GoldenCheckpointsTest {
  @TempDir Path other;

  static Stream<Path> folders() throws IOException, URISyntaxException {
    var url = GoldenCheckpointsTest.class.getResource("/golden/llama");
    Path llama = Path.of(Objects.requireNonNull(url, "golden/llama").toURI());
    try (Stream<Path> all = Files.list(llama)) {
      return all
          .filter(f -> Files.exists(f.resolve("model/config.json")))
          .sorted()
          .toList()
          .stream();
    }
  }

  @ParameterizedTest
  @MethodSource("folders")
  void theTensorsAreThoseThatTheConfigAnnounces(Path folder) {
    ModelConfig config = ModelConfig.load(folder.resolve("model"));
    try (var weights = SafeTensors.open(folder.resolve("model"))) {
      Map<String, String> stored = new TreeMap<>();
      weights.names().forEach(name -> stored.put(name, weights.entry(name).shape().toString()));
      Map<String, String> announced =
          config.tensors().entrySet().stream()
              .collect(Collectors.toMap(Map.Entry::getKey, e -> Arrays.toString(e.getValue())));
      assertThat(stored).isEqualTo(new TreeMap<>(announced));
    }
  }

  @ParameterizedTest
  @MethodSource("folders")
  void bothLayoutsOfAConfigSayTheSame(Path folder) throws IOException {
    Path old = folder.resolve("config.transformers4.json");
    if (Files.exists(old)) {
      Files.copy(old, other.resolve("config.json"), StandardCopyOption.REPLACE_EXISTING);
      assertThat(ModelConfig.load(other)).isEqualTo(ModelConfig.load(folder.resolve("model")));
    }
  }
}
