package dev.nudge.text.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.settings.TrainOn;
import dev.nudge.text.Encoded;
import dev.nudge.text.Tokenizer;
import dev.nudge.text.chat.ChatGolden.Talk;
import dev.nudge.text.chat.Trained.Range;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// What is trained, in the tokens of real tokenizers: SmolLM2's of the folder `shared`, and those
/// that `chat_fetch.py` fetched.
class TrainedTokensTest {
  private static final Path SMOLLM2 = Path.of("../../shared/models/SmolLM2-135M-Instruct");

  static List<ChatGolden> templates() throws IOException {
    return ChatGolden.all();
  }

  private static Tokenizer tokenizer(ChatGolden golden) {
    String outside = System.getProperty(ChatGolden.OUTSIDE, "");
    Path folder =
        golden.name().equals("smollm2") ? SMOLLM2 : Path.of(outside).resolve(golden.name());
    assumeTrue(
        Files.isRegularFile(folder.resolve("tokenizer.json")),
        "the tokenizer of " + golden + " is not there");
    return Tokenizer.load(folder);
  }

  @ParameterizedTest
  @MethodSource("templates")
  void whatTheAssistantSaysIsRebuiltFromItsTrainedTokens(ChatGolden golden) throws IOException {
    Tokenizer tokenizer = tokenizer(golden);
    ChatTemplate template = golden.template();
    int rebuilt = 0;
    for (Talk talk : Talk.all()) {
      Trained trained;
      try {
        trained =
            Trained.of(
                template, talk.messages(), talk.tools(), talk.variables(), TrainOn.ASSISTANT);
      } catch (ChatException e) {
        continue; // as in Python
      }
      String text = trained.rendered().text();
      Encoded encoded = tokenizer.encode(text);
      double[] weights = trained.ofTokens(encoded.starts(), encoded.ends());
      List<Range> counted = trained.inCodePoints();
      for (int r = 0; r < counted.size(); r++) {
        Range range = trained.ranges().get(r);
        List<Integer> ids = new ArrayList<>();
        for (int i = 0; i < weights.length; i++) {
          boolean within =
              encoded.ends()[i] > counted.get(r).start()
                  && encoded.starts()[i] < counted.get(r).end();
          if (within) {
            assertThat(weights[i]).isEqualTo(1);
            ids.add(encoded.ids()[i]);
          }
        }
        int[] all = ids.stream().mapToInt(id -> id).toArray();
        String said = text.substring(range.start(), range.end());
        String built = tokenizer.decode(all, false);
        assertThat(built).as("%s %s", golden, talk.name()).endsWith(said);
        // A line break of the header and those that the answer begins with may be one token.
        String more = built.substring(0, built.length() - said.length());
        assertThat(more.isEmpty() || more.isBlank() && Character.isWhitespace(said.charAt(0)))
            .as("%s %s: '%s'", golden, talk.name(), more)
            .isTrue();
        rebuilt++;
      }
    }
    System.out.println(golden + ": " + rebuilt + " turns rebuilt from tokens");
    assertThat(rebuilt).isGreaterThan(20);
  }
}
