package dev.nudge.spark;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.settings.train.TrainSettings;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class SharedPathsTest {
  @Test
  void executorsReadWhatTheDriverMeans() {
    Path here = Path.of("").toAbsolutePath();
    TrainSettings given =
        TrainSettings.of(
            Map.of(
                "model",
                Path.of("m"),
                "data",
                List.of("pom.xml", "src/*.jsonl", "/x/y", "SELECT 1"),
                "out",
                Path.of("o"),
                "mixture",
                List.of("pom.xml=2x"),
                "objective",
                "grpo",
                "reward",
                List.of("json:pom.xml", "exact:{answer}"),
                "reward_jar",
                "pom.xml",
                "steps",
                3));
    Map<String, Object> shared = SharedPaths.given(SharedPaths.of(given));
    assertThat(shared)
        .containsEntry("model", here + "/m")
        .containsEntry("out", here + "/o")
        .containsEntry(
            "data", List.of(here + "/pom.xml", here + "/src/*.jsonl", "/x/y", "SELECT 1"))
        .containsEntry("mixture", List.of(here + "/pom.xml=2x"))
        .containsEntry("steps", 3)
        .containsEntry("reward", List.of("json:" + here + "/pom.xml", "exact:{answer}"))
        .containsEntry("reward_jar", List.of(here + "/pom.xml"))
        .hasSize(8);
  }
}
