package dev.nudge.init;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.format.SafeTensors;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.verb.InitSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FreshFolderTest {
  private static final String CONFIG =
      """
      {"model_type": "llama", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
       "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 300, "attention_bias": true,
       "max_position_embeddings": 128, "tie_word_embeddings": true, "initializer_range": 0.05 MORE}
      """;

  @TempDir Path folder;

  @BeforeEach
  void texts() throws IOException {
    Files.writeString(folder.resolve("a.txt"), "the pump reads the pump\n\nthe seal reads\n");
    Files.writeString(
        folder.resolve("b.jsonl"),
        """
        {"text": "pumps and seals"}
        {"prompt": "seal:", "completion": " leaks"}
        """);
  }

  private Path make(String out, String more, Map<String, ?> values) throws IOException {
    Path config = folder.resolve("c.json");
    Files.writeString(config, CONFIG.replace("MORE", more));
    Map<String, Object> all = new LinkedHashMap<>(values);
    all.put("config", config);
    all.put("out", folder.resolve(out));
    FreshFolder.prepare(InitSettings.of(all)).write(() -> false);
    return folder.resolve(out);
  }

  @Test
  void whatIsCancelledLeavesNothing() throws IOException {
    Path made = make("first", "", Map.of());
    Path out = folder.resolve("cancelled");
    int[] asked = new int[1];
    var settings = InitSettings.of(Map.of("config", made.resolve("config.json"), "out", out));
    assertThat(FreshFolder.prepare(settings).write(() -> asked[0]++ == 2)).isNull();
    assertThat(asked[0]).isEqualTo(3);
    assertThat(folder.toFile().list()).doesNotContain("cancelled", ".cancelled.new");
  }

  @Test
  void weightsAreNormalNormsOneAndBiasesZero() throws IOException {
    Path made = make("m", ", \"pad_token_id\": 7", Map.of("seed", 3));
    try (SafeTensors file = SafeTensors.open(made)) {
      ModelConfig config = ModelConfig.load(made);
      assertThat(file.names()).containsExactlyInAnyOrderElementsOf(config.tensors().keySet());
      for (String name : file.names()) {
        Tensor t = file.tensor(name);
        assertThat(t.dtype()).isEqualTo(Dtype.BF16);
        double[] values = new double[(int) t.elements()];
        Arrays.setAll(values, t::at);
        if (name.endsWith(".bias")) {
          assertThat(values).containsOnly(0);
        } else if (t.rank() == 1) {
          assertThat(values).containsOnly(1);
        } else {
          double mean = Arrays.stream(values).average().orElseThrow();
          double squares = Arrays.stream(values).map(v -> v * v).average().orElseThrow();
          // Five standard errors; 64 of the embedding's 19,200 numbers are the zeros of padding.
          double error = 5 / Math.sqrt(values.length);
          assertThat(mean).as(name).isCloseTo(0, within(0.05 * error));
          assertThat(Math.sqrt(squares)).as(name).isCloseTo(0.05, within(0.05 * error));
        }
      }
      assertThat(file.tensor("model.embed_tokens.weight").rows(7, 8).at(0)).isZero();
    }
  }

  @Test
  void theSameSeedGivesTheSameBytes() throws IOException {
    Map<String, Object> with = Map.of("tokenizer_data", List.of(folder + "/*.txt"));
    Path first = make("first", "", with);
    Path again = make("again", "", with);
    Path other = make("other", "", Map.of("tokenizer_data", List.of(folder + "/*.txt"), "seed", 1));
    try (Stream<Path> files = Files.list(first)) {
      assertThat(files.map(f -> f.getFileName().toString()))
          .containsExactlyInAnyOrder(
              "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json");
    }
    for (String name : List.of("config.json", "model.safetensors", "tokenizer.json")) {
      assertThat(again.resolve(name)).hasSameBinaryContentAs(first.resolve(name));
    }
    assertThat(
            Files.mismatch(first.resolve("model.safetensors"), other.resolve("model.safetensors")))
        .isNotNegative();
  }

  @Test
  void theConfigFollowsTheTokenizer() throws IOException {
    Path made =
        make(
            "m",
            ", \"eos_token_id\": 9, \"bos_token_id\": 8, \"dtype\": \"float32\"",
            Map.of("tokenizer_data", List.of(folder + "/a.txt", folder + "/b.jsonl")));
    ModelConfig config = ModelConfig.load(made);
    Tokenizer tokenizer = Tokenizer.load(made);
    assertThat(config.vocabSize()).isEqualTo(tokenizer.vocabSize()).isBetween(258, 299);
    assertThat(config.eosTokenIds()).containsExactly(tokenizer.eosId());
    assertThat(made.resolve("config.json")).content().contains("\"bos_token_id\": null");
    assertThat(tokenizer.ids(" pump")).hasSize(1);
    try (SafeTensors file = SafeTensors.open(made)) {
      assertThat(file.tensor("model.norm.weight").dtype()).isEqualTo(Dtype.F32);
    }
  }

  @Test
  void anEmptyFolderCountsAsAbsentAndNothingElseIsLeft() throws IOException {
    Files.createDirectory(folder.resolve("m"));
    make("m", "", Map.of());
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files.map(f -> f.getFileName().toString()))
          .containsExactlyInAnyOrder("a.txt", "b.jsonl", "c.json", "m");
    }
  }
}
