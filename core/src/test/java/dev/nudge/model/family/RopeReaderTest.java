package dev.nudge.model.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.format.ConfigJson;
import dev.nudge.model.rope.Turning;
import dev.nudge.nn.layer.Rotary;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// Compares how the layers of Gemma 3 and OLMo 3 turn with what transformers makes of the same
/// config, in every mixture of the layouts (`src/test/reference/rope_kinds.py`).
class RopeReaderTest {
  private static final Path FILE = Path.of("src/test/resources/golden/rope-kinds.json");

  private static JsonNode golden() throws IOException {
    return new JsonMapper().readTree(Files.readString(FILE));
  }

  private static Stream<Arguments> cases(String key) throws IOException {
    return golden().get(key).properties().stream().map(c -> Arguments.of(c.getKey(), c.getValue()));
  }

  static Stream<Arguments> read() throws IOException {
    return cases("read");
  }

  static Stream<Arguments> refused() throws IOException {
    return Stream.concat(cases("fails"), cases("misread"));
  }

  private static ModelConfig load(String json) {
    return Families.read(ConfigJson.parse(Path.of("config.json"), "", json), null);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("read")
  void bothKindsOfLayersTurnAsInTransformers(String name, JsonNode golden) throws IOException {
    int tokens = golden().get("long").intValue();
    List<LayerConfig> layers = load(golden.get("config").toString()).layers();
    assertThat(layers).extracting(layer -> layer.attention().window()).containsExactly(8, 0);
    for (int i = 0; i < 2; i++) {
      JsonNode want = golden.get(i == 0 ? "sliding_attention" : "full_attention");
      Turning turning = Objects.requireNonNull(layers.get(i).turning());
      Rotary.Turns turns = turning.rope().turns(turning.width());
      assertThat(turns.factor(0)).isCloseTo(want.get("factor").doubleValue(), within(1e-12));
      compare(turns.frequencies(1), want.get("inv_freq"));
      compare(turns.frequencies(tokens), want.get("long_inv_freq"));
    }
  }

  private static void compare(double[] is, JsonNode want) {
    assertThat(is).hasSize(want.size());
    for (int i = 0; i < is.length; i++) {
      double f = want.get(i).doubleValue();
      assertThat(is[i]).as("frequency %d", i).isCloseTo(f, within(1e-6 * f));
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("refused")
  void whatTransformersFailsOnOrMisreadsIsRefusedInOneLine(String name, JsonNode golden) {
    assertThatThrownBy(() -> load(golden.get("config").toString()))
        .isInstanceOf(InputException.class)
        .message()
        .matches("config.json: (rope_|truncate of yarn ).*")
        .doesNotContain("\n");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "gemma3_text | \"rope_parameters\": {\"factor\": 2}"
            + " | rope_parameters has neither full_attention nor sliding_attention; this family",
        "gemma3_text | \"rope_scaling\": {\"type\": \"linear\", \"factor\": 2}"
            + " | rope_scaling.type is \"linear\", but transformers takes rope_type \"default\" in",
        "gemma3_text | \"rope_parameters\": {\"truncate\": false, \"full_attention\":"
            + " {\"rope_type\": \"yarn\", \"factor\": 2}}"
            + " | truncate of yarn is false; only true is supported in this family",
        "gemma3_text | \"rope_parameters\": {\"sliding_attention\": {}}, \"rope_scaling\": {}"
            + " | rope_scaling is given beside a rope_parameters without full_attention; put it",
        "gemma3_text | \"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 2},"
            + " \"partial_rotary_factor\": 0.5 | partial_rotary_factor is 0.5; only 1 is supported",
        "olmo3 | \"rope_theta\": 3 | rope_theta is 3.0, which transformers gives to full layers",
        "llama | \"rope_parameters\": {\"sliding_attention\": {}}"
            + " | rope_parameters.sliding_attention is given; all layers of this family turn alike",
      })
  void theLineNamesTheKey(String type, String json, String line) {
    assertThatThrownBy(() -> load("{\"model_type\": \"" + type + "\", " + json + "}"))
        .isInstanceOf(InputException.class)
        .message()
        .startsWith("config.json: " + line)
        .doesNotContain("\n");
  }
}
