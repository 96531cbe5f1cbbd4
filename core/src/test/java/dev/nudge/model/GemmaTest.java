package dev.nudge.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.format.ConfigJson;
import dev.nudge.format.Entry;
import dev.nudge.machine.Backend;
import dev.nudge.model.family.Families;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/// What is special in the folders of Gemma: caps that may be null, and where the text part of a
/// model that also sees stands.
class GemmaTest {
  private static final Path MODEL =
      Path.of("src/test/resources/golden/families/gemma3-multimodal/model");
  private static final String TENSORS = "language_model.model.";

  @TempDir private Path temp;

  private static ModelConfig read(String json) {
    return Families.read(ConfigJson.parse(Path.of("config.json"), "", json), null);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "\"model_type\": \"gemma2\" | 30 | 50",
        "\"model_type\": \"gemma2\", \"final_logit_softcapping\": null | 0 | 50",
        "\"model_type\": \"gemma2\", \"attn_logit_softcapping\": null | 30 | 0",
        "\"model_type\": \"gemma2\", \"final_logit_softcapping\": 3 | 3 | 50",
        "\"model_type\": \"gemma3_text\" | 0 | 0",
        "\"model_type\": \"gemma3_text\", \"final_logit_softcapping\": null | 0 | 0",
        "\"model_type\": \"gemma3_text\", \"final_logit_softcapping\": 3 | 3 | 0",
        // transformers' class for folders that see does not read it
        "\"model_type\": \"gemma3\", \"text_config\": {\"final_logit_softcapping\": 3} | 0 | 0",
      })
  void aCapThatIsNullOrAbsentIsNoneOrTheFamilys(String json, double logits, double scores) {
    ModelConfig config = read("{" + json + "}");
    assertThat(config.logitCap()).isEqualTo(logits);
    assertThat(config.layers()).allMatch(layer -> layer.attention().softCap() == scores);
  }

  @ParameterizedTest
  @CsvSource({
    "'', true, 1",
    "'\"eos_token_id\": [1, 106], ', true, '1,106'",
    "'\"eos_token_id\": 106, \"tie_word_embeddings\": false, ', false, '106,1'",
  })
  void theOuterObjectSaysWhatIsTiedAndAddsEnds(String outer, boolean tied, String ends) {
    String text = "\"text_config\": {\"tie_word_embeddings\": " + !tied + "}";
    ModelConfig config = read("{\"model_type\": \"gemma3\", " + outer + text + "}");
    assertThat(config.tieWordEmbeddings()).isEqualTo(tied);
    assertThat(config.eosTokenIds()).isEqualTo(ints(ends));
  }

  private static List<Integer> ints(String list) {
    return Arrays.stream(list.split(",")).map(Integer::valueOf).toList();
  }

  /// As different versions of transformers wrote them.
  @ParameterizedTest
  @CsvSource({
    "language_model.model., language_model.lm_head, true",
    "model.language_model., lm_head, true",
    "language_model., lm_head, true",
    "language_model.model., language_model.lm_head, false",
    "model.language_model., lm_head, false",
    "language_model., lm_head, false",
    "model.language_model., language_model.lm_head, false",
  })
  void theTextPartIsFoundWhereItStands(String tensors, String head, boolean tied)
      throws IOException {
    Path folder =
        BnbFiles.changed(
            MODEL,
            temp.resolve("other"),
            parts -> {
              Map<String, BnbFiles.Part> old = new LinkedHashMap<>(parts);
              parts.clear();
              old.forEach(
                  (name, part) -> {
                    boolean text = name.startsWith(TENSORS);
                    put(parts, text ? tensors + name.substring(TENSORS.length()) : name, part);
                  });
              if (!tied) {
                put(
                    parts,
                    head + ".weight",
                    Objects.requireNonNull(old.get(TENSORS + "embed_tokens.weight")));
              }
            });
    Path config = folder.resolve("config.json");
    ObjectNode json = (ObjectNode) new JsonMapper().readTree(Files.readString(config));
    Files.writeString(config, json.put("tie_word_embeddings", tied).toString());
    ModelConfig found = ModelConfig.load(folder);
    assertThat(found.place().tensors()).isEqualTo(tensors);
    assertThat(found.tieWordEmbeddings()).isEqualTo(tied);
    assertThat(found.tensors().containsKey(head + ".weight")).isEqualTo(!tied);
    // adapters name the modules of the newest
    assertThat(found.module(found.projections().getFirst()))
        .isEqualTo("model.language_model.layers.0.self_attn.q_proj");
    assertThat(logits(folder, found)).isEqualTo(logits(MODEL, ModelConfig.load(MODEL)));
  }

  private static void put(Map<String, BnbFiles.Part> to, String name, BnbFiles.Part part) {
    Entry renamed = new Entry(name, part.entry().type(), part.entry().shape());
    to.put(name, new BnbFiles.Part(renamed, part.bytes()));
  }

  private static double[] logits(Path folder, ModelConfig config) {
    Backend backend = Backends.of(Compute.FP32);
    int[] ids = {3, 7, 5, 9, 11, 4, 8, 20, 30, 6};
    Batch batch = new Batch(ids, new int[] {ids.length}, new long[1], new int[0], new int[0]);
    try (CausalLm model = Checkpoint.load(folder, config, backend);
        Workspace ws = new Workspace(0, 8 << 20, backend.gemms().apply(1))) {
      model.reserve(ids.length);
      Tensor logits = model.logits(batch, ws);
      double[] values = new double[(int) logits.elements()];
      for (int i = 0; i < values.length; i++) {
        values[i] = logits.at(i);
      }
      return values;
    }
  }
}
