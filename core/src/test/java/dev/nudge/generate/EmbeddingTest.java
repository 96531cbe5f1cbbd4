package dev.nudge.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Backends;
import dev.nudge.machine.Machine;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.Compute;
import dev.nudge.settings.verb.GenerateSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// The embedding of a text against transformers in double.
class EmbeddingTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden/llama/grouped-tied");
  private static final Machine MACHINE = new Machine(2, 4L << 30, Backends.cache(), "test");

  @Test
  void equalsTheMeanOfTransformersLastHiddenStates() throws IOException {
    GenerateSettings settings =
        GenerateSettings.of(
            Map.of(
                "model",
                GOLDEN.resolve("model"),
                "prompt",
                "none",
                "compute",
                Compute.FP32,
                "max_length",
                40));
    JsonNode rows =
        JsonMapper.shared().readTree(Files.readString(GOLDEN.resolve("embedding.json")));
    assertThat(rows).hasSize(3);
    try (Session session = Session.load(settings.model(), null, MACHINE, warning -> {})) {
      for (JsonNode row : rows) {
        float[] mean = session.embed(row.get("text").asString());
        assertThat(mean).hasSize(row.get("mean").size());
        for (int i = 0; i < mean.length; i++) {
          assertThat((double) mean[i]).isCloseTo(row.get("mean").get(i).asDouble(), within(1e-5));
        }
      }
      assertThatThrownBy(() -> session.embed(""))
          .isInstanceOf(InputException.class)
          .hasMessage("the prompt has no tokens; give a prompt with at least one");
      assertThatThrownBy(() -> session.embed("pump ".repeat(100)))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("--max-length is 40; shorten it or raise --max-length");
    }
  }
}
