package dev.nudge.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Backends;
import dev.nudge.format.FolderText;
import dev.nudge.format.Json;
import dev.nudge.settings.InputException;
import dev.nudge.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/// A tokenizer that is written into a GGUF file has the tokens that llama.cpp gives
/// (`src/test/reference/gguf_tokens.py`).
class GgufVocabularyTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden/gguf/tokens");

  @TempDir private Path temp;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "llama3",
        "qwen2",
        "smollm",
        "gpt2",
        "tekken",
        "pieces",
        "pieces-bare",
        "pieces-phi"
      })
  void aWrittenTokenizerHasTheTokensOfTheOneThatWasRead(String name) throws IOException {
    Path source = GOLDEN.resolve(name + ".gguf");
    Tokenizer before = Tokenizer.load(source, Backends.cache());
    String json = FolderText.read(source.resolve("tokenizer.json"));
    GgufPairs pairs = pairs(name, before, json, 5);
    Path file = temp.resolve("written.gguf");
    Files.write(file, GgufLayout.of(pairs, List.of()).header());
    Tokenizer written = Tokenizer.load(file, Backends.cache());
    assertThat(written.vocabSize()).isEqualTo(before.vocabSize() + 5);
    assertThat(written.token(before.vocabSize() + 4)).startsWith("[PAD");
    assertThat(written.eosId()).isEqualTo(before.eosId());
    JsonNode cases = Json.read(GOLDEN.resolve("cases.json")).path(name);
    for (JsonNode one : cases) {
      String text = one.path("text").asString();
      int[] ids = one.path("ids").valueStream().mapToInt(JsonNode::asInt).toArray();
      assertThat(written.ids(text)).as("%s: '%s'", name, text).isEqualTo(ids);
    }
  }

  private static GgufPairs pairs(String name, Tokenizer tokenizer, String json, int more) {
    GgufPairs pairs = new GgufPairs();
    pairs.text("general.architecture", "llama");
    pairs.whole("llama.context_length", 64);
    GgufVocabulary.Ids ids =
        new GgufVocabulary.Ids(null, tokenizer.eosId(), List.of(tokenizer.eosId()), null);
    boolean strips =
        GgufVocabulary.put(
            pairs, Path.of("t.json"), Json.parse(json), tokenizer.vocabSize() + more, ids);
    assertThat(strips).isEqualTo(name.equals("pieces-phi"));
    pairs.text("general.name", strips ? "Phi-3 mini" : "a model");
    return pairs;
  }

  @Test
  void whatLlamaCppTokenisesOtherwiseIsRefused() throws IOException {
    refuses("gpt2", "\"type\":\"BPE\"", "\"type\":\"Unigram\"", "is a model of type \"Unigram\"");
    refuses("gpt2", "\"use_regex\":true}", "\"use_regex\":false}", "cuts words in a way");
    refuses("gpt2", "\"normalizer\":null", "\"normalizer\":{\"type\":\"NFKC\"}", "normalises");
    refuses("gpt2", "\"add_prefix_space\":false", "\"add_prefix_space\":true", "puts a space");
    refuses("llama3", "\"ignore_merges\":true", "\"ignore_merges\":null", null); // it is dbrx then
    refuses("qwen2", "\\\\p{N}|", "\\\\p{N}{1,2}|", "cuts words in a way");
    refuses("pieces", "\"prepend\":\"\u2581\"", "\"prepend\":\"\u2581\",\"type\":\"x\"", "cuts");
    String merges = FolderText.read(GOLDEN.resolve("pieces.gguf/tokenizer.json"));
    String first = merges.replaceAll("(?s).*\"merges\":\\[(\\[[^]]*\\],).*", "$1");
    refuses("pieces", first, "", "lists ");
  }

  @Test
  void aTokenOfAMegabyteIsRefused() throws IOException {
    GgufPairs pairs = new GgufPairs();
    pairs.text("general.architecture", "llama");
    pairs.whole("llama.context_length", 64);
    pairs.text(GgufTokens.PREFIX + "model", "llama");
    pairs.texts(GgufTokens.PREFIX + "tokens", List.of("<unk>", "x".repeat(1 << 20)));
    Path file = temp.resolve("long.gguf");
    Files.write(file, GgufLayout.of(pairs, List.of()).header());
    assertThatThrownBy(() -> Tokenizer.load(file, Backends.cache()))
        .isInstanceOf(InputException.class)
        .hasMessage(
            file + ": token 1 has 1048576 characters; at most 8192 are allowed");
  }

  private static void refuses(String name, String from, String to, @Nullable String why)
      throws IOException {
    Path source = GOLDEN.resolve(name + ".gguf");
    String json = FolderText.read(source.resolve("tokenizer.json"));
    assertThat(json).contains(from);
    Tokenizer tokenizer = Tokenizer.load(source, Backends.cache());
    String other = json.replace(from, to);
    if (why == null) {
      pairs(name, tokenizer, other, 0);
    } else {
      assertThatThrownBy(() -> pairs(name, tokenizer, other, 0))
          .isInstanceOf(InputException.class)
          .hasMessageStartingWith("t.json: ")
          .hasMessageContaining(why);
    }
  }
}
