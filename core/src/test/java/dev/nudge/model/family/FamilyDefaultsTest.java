package dev.nudge.model.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.format.ConfigJson;
import dev.nudge.model.rope.Turning;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/// Compares what absent keys of a config mean with the defaults of transformers' classes
/// (`src/test/reference/families.py`).
class FamilyDefaultsTest {
  private static final JsonMapper JSON = new JsonMapper();
  private static final Path FILE = Path.of("src/test/resources/golden/families/defaults.json");

  /// Keys that change nothing by themselves: dropout of training in transformers, the token that
  /// begins a text or ends a document, and what only a window or a longer context makes count.
  private static final Set<String> IDLE =
      Set.of(
          "attention_dropout",
          "resid_pdrop",
          "embd_pdrop",
          "residual_dropout",
          "bos_token_id",
          "max_window_layers",
          "output_router_logits",
          "router_aux_loss_coef",
          "original_max_position_embeddings",
          "eod_token_id");

  static Stream<Arguments> families() throws IOException {
    return JSON.readTree(Files.readString(FILE)).properties().stream()
        .map(f -> Arguments.of(f.getKey(), f.getValue().get("config")));
  }

  private static ModelConfig read(ObjectNode config) {
    return Families.read(ConfigJson.parse(Path.of("config.json"), "", config.toString()), null);
  }

  private static ObjectNode minimal(String type) {
    return JSON.createObjectNode().put("model_type", type);
  }

  @Test
  void everyFamilyIsThere() throws IOException {
    Set<String> types = new TreeSet<>();
    Families.ALL.forEach(family -> types.addAll(family.modelTypes()));
    types.remove("gemma3"); // has all its text keys in text_config, as gemma3_text
    types.remove("mistral3"); // likewise, as ministral3 or mistral
    types.remove("qwen3_5"); // likewise, as qwen3_5_text
    types.remove("qwen3_5_moe");
    assertThat(families().map(f -> f.get()[0])).containsExactlyElementsOf(types);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("families")
  void absentKeysMeanWhatTransformersTakesThemFor(String type, JsonNode defaults) {
    ObjectNode spelled = minimal(type);
    spelled.setAll((ObjectNode) defaults);
    assertThat(read(minimal(type))).isEqualTo(read(spelled));
  }

  /// transformers' class has YaRN of its own, whose base is the config's, then 150,000.
  @Test
  void gptOssWithoutRopeTakesTheBaseThatStandsAlone() {
    ObjectNode config = minimal("gpt_oss").put("rope_theta", 5000.0).putNull("rope_scaling");
    Turning turning = read(config).layers().getFirst().turning();
    double[] turns = Objects.requireNonNull(turning).rope().inverseFrequencies(64);
    // GptOssRotaryEmbedding(GptOssConfig(rope_theta=5000.0)).inv_freq of transformers 5.24.0
    assertThat(turns[5]).isCloseTo(0.26426273584365845, within(1e-7));
    assertThat(turns[17]).isCloseTo(0.006261290982365608, within(1e-9));
    assertThat(turns[31]).isCloseTo(8.15591738501098e-06, within(1e-12));
    ObjectNode whole = minimal("gpt_oss");
    whole
        .putObject("rope_parameters")
        .put("rope_type", "yarn")
        .put("rope_theta", 5000.0)
        .put("factor", 32.0)
        .put("beta_fast", 32.0)
        .put("beta_slow", 1.0)
        .put("truncate", false)
        .put("original_max_position_embeddings", 4096);
    assertThat(read(config)).isEqualTo(read(whole));
  }

  /// Of a key that is not read an absent one would equal any number.
  @ParameterizedTest(name = "{0}")
  @MethodSource("families")
  void everyKeyIsRead(String type, JsonNode defaults) {
    ModelConfig plain = read(minimal(type));
    for (var key : defaults.properties()) {
      ObjectNode changed = minimal(type);
      if (change(key.getKey(), key.getValue(), changed)) {
        boolean idle =
            IDLE.contains(key.getKey())
                || (type.equals("lfm2") && key.getKey().startsWith("conv_")) // all attend
                || (type.equals("smollm3") && key.getKey().equals("use_sliding_window"))
                || (type.equals("qwen2_moe") && key.getKey().equals("sliding_window"));
        assertThat(differs(plain, changed)).as(key.getKey()).isEqualTo(!idle);
      }
    }
  }

  /// Gives a key another number, flag or word.
  private static boolean change(String key, JsonNode value, ObjectNode to) {
    if (value.isInt()) {
      to.put(key, 2 * value.intValue() + 2);
    } else if (value.isNumber()) {
      to.put(key, 2 * value.doubleValue() + 0.125);
    } else if (value.isBoolean()) {
      to.put(key, !value.booleanValue());
    } else if (value.isString()) {
      to.put(key, value.stringValue() + "?");
    }
    return to.has(key);
  }

  private static boolean differs(ModelConfig plain, ObjectNode changed) {
    try {
      return !read(changed).equals(plain);
    } catch (InputException e) {
      return true; // it is read and refused
    }
  }
}
