package dev.nudge.text.chat;

import static dev.nudge.text.chat.ChatTemplateTest.array;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.settings.TrainOn;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.node.ArrayNode;

class TrainedTest {
  private static final String TWO =
      """
      [{"role": "user", "content": "U"}, {"role": "assistant", "content": "A%s"%s},
       {"role": "user", "content": "V"%s}, {"role": "assistant", "content": "B"%s}]
      """;

  @TempDir private Path folder;

  @BeforeEach
  void names() throws IOException {
    Files.writeString(
        folder.resolve("tokenizer_config.json"),
        "{\"bos_token\": \"<s>\", \"eos_token\": \"</s>\"}");
  }

  private ChatTemplate template(String text) throws IOException {
    Path file = folder.resolve("mine.jinja");
    Files.writeString(file, text);
    return ChatTemplate.load(folder, file.toString());
  }

  private Trained chatml(String messages, TrainOn on) {
    return Trained.of(ChatTemplate.load(folder, "chatml"), array(messages), null, Map.of(), on);
  }

  /// The trained pieces, each with its weight where that is not 1.
  private static String shown(Trained trained) {
    StringBuilder all = new StringBuilder();
    for (Trained.Range range : trained.ranges()) {
      String piece = trained.rendered().text().substring(range.start(), range.end());
      String weight = range.weight() == 1 ? "" : "*" + range.weight();
      all.append('[').append(piece).append(weight).append(']');
    }
    return all.toString().replace("\n", "\\n");
  }

  private static String two(String more, String first, String question, String second) {
    return TWO.formatted(more, first, question, second);
  }

  @Test
  void everyTurnOrTheLastOneIsTrainedWithItsEnd() {
    String talk = two("", "", "", "");
    assertThat(shown(chatml(talk, TrainOn.ASSISTANT))).isEqualTo("[A<|im_end|>][B<|im_end|>]");
    assertThat(shown(chatml(talk, TrainOn.LAST))).isEqualTo("[B<|im_end|>]");
  }

  @Test
  void aMessageSaysWhetherAndHowMuchItCounts() {
    String off = two("", ", \"train\": false", ", \"weight\": 0", ", \"weight\": 0.5");
    assertThat(shown(chatml(off, TrainOn.ASSISTANT))).isEqualTo("[B<|im_end|>*0.5]");
    assertThat(shown(chatml(off, TrainOn.ALL)))
        .isEqualTo(
            "[<|im_start|>user\\nU<|im_end|>\\n<|im_start|>assistant\\n]"
                + "[\\n<|im_start|>user\\n]"
                + "[<|im_end|>\\n<|im_start|>assistant\\n][B<|im_end|>*0.5][\\n]");
    String last = two("", "", "", ", \"train\": false");
    assertThat(shown(chatml(last, TrainOn.LAST))).isEmpty();
    assertThat(shown(chatml(last, TrainOn.ASSISTANT))).isEqualTo("[A<|im_end|>]");
    String bad = two("", ", \"weight\": -1", "", "");
    assertThatThrownBy(() -> chatml(bad, TrainOn.ASSISTANT))
        .isInstanceOf(ChatException.class)
        .hasMessage("message 2 has the weight -1; a number from 0 to 1000 is needed");
  }

  @Test
  void anEndTokenWithinAMessageEndsNothing() {
    String talk = two("<|im_end|>\\n<|im_start|>user\\nX", "", "", "");
    assertThat(shown(chatml(talk, TrainOn.ASSISTANT)))
        .isEqualTo("[A<|im_end|>\\n<|im_start|>user\\nX<|im_end|>][B<|im_end|>]");
  }

  @Test
  void whatAModelHasToOpenItselfIsTrained() throws IOException {
    ChatTemplate template =
        template(
            """
            {%- for m in messages -%}
            {{ '<|' ~ m.role ~ '|>' }}
            {%- if m.role == 'assistant' and loop.last %}{{ '<think>' ~ m.thinking ~ '</think>' }}{% endif %}
            {%- if m.content %}{{ m.content | trim }}{% endif %}
            {%- for call in m.tool_calls or [] %}{{ '<tool>' ~ call | tojson ~ '</tool>' }}{% endfor %}
            {{- eos_token ~ '\\n' }}
            {%- endfor -%}
            {%- if add_generation_prompt %}{{ '<|assistant|>' ~ ('<think></think>' if quick else '') }}{% endif %}
            """);
    ArrayNode talk =
        array(
            """
            [{"role": "user", "content": "U"},
             {"role": "assistant", "tool_calls": [{"f": 1}]}, {"role": "tool", "content": "R"},
             {"role": "assistant", "content": " B ", "reasoning": "T"}]
            """);
    assertThat(shown(Trained.of(template, talk, null, Map.of(), TrainOn.ASSISTANT)))
        .isEqualTo("[<tool>{\"f\": 1}</tool></s>][<think>T</think>B</s>]");
    Map<String, tools.jackson.databind.JsonNode> quick =
        Map.of("quick", ChatTemplateTest.json("true"));
    assertThat(shown(Trained.of(template, talk, null, quick, TrainOn.ASSISTANT)))
        .isEqualTo("[<tool>{\"f\": 1}</tool></s>][<think>T</think>B</s>]".replace("<think>T", "T"));
  }

  @Test
  void whatTheGenerationPromptOpensIsNotTrained() throws IOException {
    ChatTemplate template =
        template(
            """
            {%- for m in messages -%}{{ '<|' ~ m.role ~ '|>' ~ m.content ~ eos_token }}{%- endfor -%}
            {%- if add_generation_prompt %}{{ '<|assistant|><think>' }}{% endif %}
            """);
    assertThat(
            shown(
                Trained.of(
                    template,
                    array(two("", "", "", "").replace("\"B\"", "\"<think>T</think>B\"")),
                    null,
                    Map.of(),
                    TrainOn.ASSISTANT)))
        .isEqualTo("[A</s>][T</think>B</s>]");
  }

  @Test
  void generationBlocksAreTakenAsTheyAre() throws IOException {
    ChatTemplate template =
        template(
            """
            {%- for m in messages -%}
            {{ m.role ~ ': ' }}
            {%- if m.role == 'assistant' %}{% generation %}{{ m.content ~ '!' }}{% endgeneration %}
            {%- else %}{{ m.content }}{% endif %}{{ '\\n' }}
            {%- endfor -%}
            """);
    ArrayNode talk = array(two("é😀", "", "", ", \"weight\": 2"));
    Trained trained = Trained.of(template, talk, null, Map.of(), TrainOn.ASSISTANT);
    assertThat(shown(trained)).isEqualTo("[Aé😀!][B!*2.0]");
    assertThat(trained.rendered().blocks())
        .extracting(Rendered.Block::message)
        .containsExactly(1, 3);
    assertThat(shown(Trained.of(template, talk, null, Map.of(), TrainOn.LAST)))
        .isEqualTo("[B!*2.0]");
    assertThat(trained.ranges().getFirst()).isEqualTo(new Trained.Range(19, 24, 1));
    assertThat(trained.inCodePoints())
        .containsExactly(new Trained.Range(19, 23, 1), new Trained.Range(43, 45, 2));
  }

  /// A message may have several blocks, and one of its end alone.
  @Test
  void theLastTurnIsAllBlocksOfItsMessage() throws IOException {
    ChatTemplate template =
        template(
            """
            {%- for m in messages -%}
            {%- if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}|
            {%- generation %}{{ m.content }}{% endgeneration %}|
            {%- generation %}{{ eos_token }}{% endgeneration %}
            {%- else %}{{ m.content }}{% endif %}{{ '\\n' }}
            {%- endfor -%}
            """);
    ArrayNode talk = array(two("", "", "", ""));
    assertThat(shown(Trained.of(template, talk, null, Map.of(), TrainOn.LAST)))
        .isEqualTo("[B][B][</s>]");
    assertThat(shown(Trained.of(template, talk, null, Map.of(), TrainOn.ASSISTANT)))
        .isEqualTo("[A][A][</s>][B][B][</s>]");
  }

  @Test
  void aPromptIsNotTrainedAndOfItsCompletionWhatTheAssistantSays() {
    ChatTemplate template = ChatTemplate.load(folder, "chatml");
    Trained trained =
        Trained.ofCompletion(
            template,
            array(
                """
                [{"role": "user", "content": "U"}, {"role": "assistant", "content": "A"},
                 {"role": "user", "content": "V"}]
                """),
            array(
                """
                [{"role": "assistant", "content": "B"}, {"role": "user", "content": "W"},
                 {"role": "assistant", "content": "C"}]
                """),
            null,
            Map.of());
    assertThat(shown(trained)).isEqualTo("[B<|im_end|>][C<|im_end|>]");
  }

  @Test
  void anAnswerWithoutAWordTrainsItsEnd() {
    String talk =
        "[{\"role\": \"user\", \"content\": \"U\"}, {\"role\": \"assistant\", \"content\": \"\"}]";
    assertThat(shown(chatml(talk, TrainOn.ASSISTANT))).isEqualTo("[<|im_end|>]");
  }

  @Test
  void aMessageThatTheTemplateLeavesOutIsKnown() throws IOException {
    ArrayNode talk =
        array(
            """
            [{"role": "user", "content": "U"},
             {"role": "assistant", "content": "", "tool_calls": [{"f": 1}]},
             {"role": "user", "content": ""}, {"role": "assistant", "content": "B"}]
            """);
    Trained trained =
        Trained.of(
            template(
                "{% for m in messages %}{{ m.role[0] ~ m.content }}{{ eos_token }}{% endfor %}"),
            talk,
            null,
            Map.of(),
            TrainOn.ASSISTANT);
    assertThat(trained.rendered().missing(talk))
        .containsExactly(new Rendered.Missing(1, MessagePart.CALLS));
  }

  @Test
  void aTokenCountsThatHasATrainedCharacter() throws IOException {
    ChatTemplate template =
        template(
            "{% for m in messages %}{{ m.role[0] ~ m.content }}{{ eos_token }}{% endfor %}"
                + "{% if add_generation_prompt %}a{% endif %}");
    ArrayNode talk = array(two("😀", "", "", ", \"weight\": 0.5"));
    Trained trained = Trained.of(template, talk, null, Map.of(), TrainOn.ASSISTANT);
    assertThat(trained.rendered().text()).isEqualTo("uU</s>aA😀</s>uV</s>aB</s>");
    int[] starts = {-1, 0, 2, 6, 8, 9, 13, 15, 19, 20, 21};
    int[] ends = {-1, 2, 6, 8, 9, 13, 15, 19, 20, 21, 25};
    assertThat(trained.ofTokens(starts, ends)).containsExactly(0, 0, 0, 1, 1, 1, 0, 0, 0, 0.5, 0.5);
  }

  @Test
  void aLongConversationIsWithinTheLimits() throws IOException {
    ArrayNode talk = array("[]");
    for (int i = 0; i < 2_000; i++) {
      String role = i % 2 == 0 ? "user" : "assistant";
      talk.addObject().put("role", role).put("content", role.charAt(0) + "x".repeat(2_000));
    }
    Trained trained =
        Trained.of(ChatTemplate.load(folder, "chatml"), talk, null, Map.of(), TrainOn.ASSISTANT);
    assertThat(trained.ranges())
        .hasSize(1_000)
        .allMatch(range -> trained.rendered().text().startsWith("ax", range.start()))
        .allMatch(range -> range.end() - range.start() == 2_001 + "<|im_end|>".length());
  }
}
