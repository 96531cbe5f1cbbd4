package dev.nudge.text.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.format.Sha256;
import dev.nudge.text.chat.ChatGolden.Talk;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/// The bytes of transformers' `apply_chat_template`, recorded by
/// `src/test/reference/chat_cases.py`.
class ChatGoldenTest {

  static List<ChatGolden> templates() throws IOException {
    return ChatGolden.all();
  }

  @ParameterizedTest
  @MethodSource("templates")
  void conversationsAreRenderedAsPythonRendersThem(ChatGolden golden) throws IOException {
    ChatTemplate template = golden.template();
    int equal = 0;
    int refused = 0;
    for (Talk talk : Talk.all()) {
      for (String how : List.of("plain", "prompt")) {
        JsonNode expected = golden.cases().path(talk.name()).path(how);
        String what = golden + " " + talk.name() + " " + how;
        boolean prompt = how.equals("prompt");
        if (expected.has("raises")) {
          assertThatThrownBy(
                  () -> template.render(talk.messages(), talk.tools(), prompt, talk.variables()))
              .as(what)
              .isInstanceOf(ChatException.class)
              .message()
              .matches("\\V+, line \\d+: \\V+");
          refused++;
          continue;
        }
        String text =
            template.render(talk.messages(), talk.tools(), prompt, talk.variables()).text();
        assertThat(text.codePointCount(0, text.length()))
            .as("%s: %s", what, text)
            .isEqualTo(expected.path("length").intValue());
        assertThat(Sha256.of(text.getBytes(StandardCharsets.UTF_8)))
            .as("%s: %s", what, text)
            .isEqualTo(Sha256.PREFIX + expected.path("sha256").stringValue());
        equal++;
      }
    }
    System.out.println(golden + ": " + equal + " renderings equal, " + refused + " refused");
    assertThat(equal + refused).isEqualTo(2 * golden.cases().size()).isGreaterThan(60);
  }
}
