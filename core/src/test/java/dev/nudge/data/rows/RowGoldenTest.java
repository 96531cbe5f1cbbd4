package dev.nudge.data.rows;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.data.RowEncoder;
import dev.nudge.data.tokens.Sequence;
import dev.nudge.settings.verb.LengthSettings;
import dev.nudge.text.Tokenizer;
import dev.nudge.text.TokenizerGolden;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

class RowGoldenTest {

  static List<TokenizerGolden> tokenizers() throws IOException {
    return TokenizerGolden.all();
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void tokensAndMaskAreThoseOfTheReference(TokenizerGolden golden) throws BadRowException {
    Tokenizer tokenizer = golden.load();
    RowEncoder encoder =
        new RowEncoder(tokenizer, new LengthSettings(false, false), true, 1_000, null);
    assertThat(golden.cases().path("rows")).isNotEmpty();
    int straddling = 0;
    for (JsonNode row : golden.cases().path("rows")) {
      String prompt = row.path("prompt").stringValue();
      String completion = row.path("completion").stringValue();
      RowShape.Content.Answer content = new RowShape.Content.Answer(prompt, completion);
      Sequence sequence = encoder.encode(content).parts().getFirst();
      String name = prompt + " / " + completion;
      assertThat(sequence.ids()).as(name).isEqualTo(TokenizerGolden.ints(row.path("ids")));
      for (int i = 0; i < sequence.length(); i++) {
        boolean trained = i >= row.path("first_trained").intValue();
        assertThat(sequence.trained().get(i)).as("%s, token %d", name, i).isEqualTo(trained);
      }
      straddling += row.path("straddles").booleanValue() ? 1 : 0;
    }
    assertThat(straddling).isPositive();
  }
}
