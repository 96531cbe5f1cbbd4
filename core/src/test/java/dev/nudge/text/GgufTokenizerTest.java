package dev.nudge.text;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.format.Json;
import java.nio.file.Path;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/// A GGUF file's tokenizer gives the tokens that llama.cpp gives
/// (`src/test/reference/gguf_tokens.py`).
class GgufTokenizerTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden/gguf/tokens");

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
  void textsHaveTheTokensOfLlamaCpp(String name) {
    Tokenizer tokenizer = Tokenizer.load(GOLDEN.resolve(name + ".gguf"), Backends.cache());
    JsonNode cases = Json.read(GOLDEN.resolve("cases.json")).path(name);
    assertThat(cases.size()).isGreaterThan(30);
    SoftAssertions all = new SoftAssertions();
    for (JsonNode one : cases) {
      String text = one.path("text").asString();
      int[] ids = one.path("ids").valueStream().mapToInt(JsonNode::asInt).toArray();
      all.assertThat(tokenizer.ids(text)).as("%s: '%s'", name, text).isEqualTo(ids);
      String back = tokenizer.decode(ids, true);
      // a space is put before what follows an added token, here and in llama.cpp
      if (!text.contains("<") && !(!name.equals("pieces-bare") && text.contains("  "))) {
        all.assertThat(back).as("%s: '%s' decoded", name, text).isEqualTo(text);
      }
    }
    all.assertAll();
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama3", "pieces"})
  void theEndTokenIsThatOfTheFile(String name) {
    Tokenizer tokenizer = Tokenizer.load(GOLDEN.resolve(name + ".gguf"), Backends.cache());
    assertThat(tokenizer.token(tokenizer.eosId())).isEqualTo("</s>");
  }
}
