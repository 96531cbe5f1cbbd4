package dev.nudge.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

class TokenizerGoldenTest {

  static List<TokenizerGolden> tokenizers() throws IOException {
    return TokenizerGolden.all();
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void idsSpansAndTextsAreThoseOfThePythonLibrary(TokenizerGolden golden) {
    Tokenizer tokenizer = golden.load();
    assertThat(tokenizer.eosId()).isEqualTo(golden.cases().path("eos_id").intValue());
    assertThat(golden.cases().path("encode")).isNotEmpty();
    for (JsonNode example : golden.cases().path("encode")) {
      String text = example.path("text").stringValue();
      Encoded encoded = tokenizer.encode(text);
      assertThat(encoded.ids()).as(text).isEqualTo(TokenizerGolden.ints(example.path("ids")));
      assertThat(tokenizer.ids(text)).as(text).isEqualTo(encoded.ids());
      for (int i = 0; i < encoded.length(); i++) {
        // Python says (0, 0) of a token that the post-processor added.
        int[] span = {Math.max(0, encoded.starts()[i]), Math.max(0, encoded.ends()[i])};
        JsonNode expected = example.path("offsets").path(i);
        assertThat(span).as("%s, token %d", text, i).isEqualTo(TokenizerGolden.ints(expected));
      }
      assertThat(tokenizer.decode(encoded.ids(), true))
          .isEqualTo(example.path("decoded").stringValue());
      assertThat(tokenizer.decode(encoded.ids(), false))
          .isEqualTo(example.path("decoded_with_specials").stringValue());
    }
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void aStreamShowsWhatIsComplete(TokenizerGolden golden) {
    Tokenizer tokenizer = golden.load();
    assertThat(golden.cases().path("stream")).isNotEmpty();
    for (JsonNode example : golden.cases().path("stream")) {
      int[] ids = TokenizerGolden.ints(example.path("ids"));
      StreamDecoder stream = new StreamDecoder(tokenizer, new int[0]);
      StringBuilder shown = new StringBuilder();
      for (int i = 0; i < ids.length; i++) {
        shown.append(stream.push(ids[i]));
        String decoded = example.path("decoded").path(i + 1).stringValue();
        assertThat(decoded).startsWith(shown);
        if (!decoded.endsWith("\uFFFD")) {
          assertThat(shown.toString()).isEqualTo(decoded);
        }
      }
    }
  }
}
