package dev.nudge.text.chat;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.settings.TrainOn;
import dev.nudge.text.chat.ChatGolden.Talk;
import dev.nudge.text.chat.Trained.Range;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;

/// What is trained of real templates: each message is built again from its trained characters.
class TrainedGoldenTest {
  private static final Map<String, String> ENDS =
      Map.ofEntries(
          Map.entry("gemma3", "<end_of_turn>"),
          Map.entry("granite3_1", "<|end_of_text|>"),
          Map.entry("granite3_3", "<|end_of_text|>"),
          Map.entry("llama3_1", "<|eot_id|>"),
          Map.entry("llama3_2", "<|eot_id|>"),
          Map.entry("mistral_nemo", "</s>"),
          Map.entry("mistral_v1", "</s>"),
          Map.entry("mistral_v3", "</s>"),
          Map.entry("phi4_mini", "<|end|>"),
          Map.entry("qwen2_5", "<|im_end|>"),
          Map.entry("qwen3", "<|im_end|>"),
          Map.entry("smollm2", "<|im_end|>"),
          Map.entry("smollm3", "<|im_end|>\n")); // as its blocks have it

  static List<ChatGolden> templates() throws IOException {
    return ChatGolden.all();
  }

  private static @Nullable Trained trained(ChatTemplate template, Talk talk) {
    try {
      return Trained.of(
          template, talk.messages(), talk.tools(), talk.variables(), TrainOn.ASSISTANT);
    } catch (ChatException e) {
      return null; // as in Python
    }
  }

  @ParameterizedTest
  @MethodSource("templates")
  void eachAssistantMessageIsRebuiltFromItsTrainedCharacters(ChatGolden golden) throws IOException {
    ChatTemplate template = golden.template();
    String end = ENDS.getOrDefault(golden.name(), "no end");
    int plain = 0;
    int calls = 0;
    for (Talk talk : Talk.all()) {
      Trained trained = trained(template, talk);
      if (trained == null) {
        continue;
      }
      String what = golden + " " + talk.name();
      List<JsonNode> said = said(talk.messages());
      List<String> texts = texts(trained);
      if (talk.name().equals("empty")) {
        assertThat(texts)
            .as(what)
            .isNotEmpty()
            .allMatch(text -> bare(golden, text).equals(end.strip()));
        continue;
      }
      assertThat(texts).as(what).hasSameSizeAs(said);
      for (int i = 0; i < said.size(); i++) {
        boolean calling = said.get(i).hasNonNull("tool_calls");
        boolean builtIn = talk.name().equals("builtin-tools") && golden.name().equals("llama3_1");
        String closes = builtIn ? "<|eom_id|>" : end;
        assertThat(texts.get(i)).as(what).endsWith(closes);
        String body = texts.get(i).substring(0, texts.get(i).length() - closes.length());
        if (!calling) {
          assertThat(bare(golden, body)).as(what).isEqualTo(content(golden, said.get(i)));
          plain++;
        } else if (body.contains(said.get(i).at("/tool_calls/0/function/name").stringValue())) {
          assertThat(body).as(what).doesNotContain("assistant", "im_start");
          calls++;
        }
      }
    }
    System.out.println(golden + ": " + plain + " answers and " + calls + " calls rebuilt");
    assertThat(plain).isGreaterThan(10);
  }

  private static List<JsonNode> said(ArrayNode messages) {
    List<JsonNode> said = new ArrayList<>();
    messages.forEach(
        message -> {
          if (message.path("role").stringValue().equals("assistant")) {
            said.add(message);
          }
        });
    return said;
  }

  private static List<String> texts(Trained trained) {
    return trained.ranges().stream()
        .map(range -> trained.rendered().text().substring(range.start(), range.end()))
        .toList();
  }

  /// Without the head that SmolLM3's blocks hold and the thoughts that a template writes or keeps.
  private static String bare(ChatGolden golden, String body) {
    String head = "<|im_start|>assistant\n";
    boolean has = golden.name().equals("smollm3");
    assertThat(body.startsWith(head)).isEqualTo(has);
    String said = has ? body.substring(head.length()) : body;
    boolean thinks = golden.name().equals("qwen3") || has && said.startsWith("<think>\n\n</think>");
    return (thinks ? said.substring(said.lastIndexOf("</think>") + 1) : said)
        .replaceFirst("^/think>", "")
        .strip();
  }

  private static String content(ChatGolden golden, JsonNode message) {
    String content = message.path("content").stringValue();
    boolean drops = golden.name().equals("qwen3") && content.contains("</think>");
    return (drops ? content.substring(content.lastIndexOf("</think>") + 8) : content).strip();
  }

  @ParameterizedTest
  @MethodSource("templates")
  void aTurnBeginsWhereTheGenerationPromptEnds(ChatGolden golden) throws IOException {
    ChatTemplate template = golden.template();
    int compared = 0;
    for (Talk talk : Talk.all()) {
      Trained trained = trained(template, talk);
      boolean marked = trained != null && !trained.rendered().blocks().isEmpty();
      if (trained == null || marked || talk.name().equals("empty")) {
        continue;
      }
      int turn = 0;
      for (int i = 0; i < talk.messages().size(); i++) {
        if (!talk.messages().path(i).path("role").stringValue().equals("assistant")) {
          continue;
        }
        Range range = trained.ranges().get(turn++);
        String before = i == 0 ? null : before(template, talk, i);
        if (before != null && trained.rendered().text().startsWith(before)) {
          assertThat(range.start()).as("%s %s %d", golden, talk, i).isEqualTo(before.length());
          compared++;
        }
      }
    }
    assertThat(compared > 10 || golden.name().equals("smollm3")).isTrue();
  }

  private static @Nullable String before(ChatTemplate template, Talk talk, int message) {
    ArrayNode before = JsonNodeFactory.instance.arrayNode();
    for (int i = 0; i < message; i++) {
      before.add(talk.messages().path(i));
    }
    try {
      return template.render(before, talk.tools(), true, talk.variables()).text();
    } catch (ChatException e) {
      return null;
    }
  }

  @ParameterizedTest
  @MethodSource("templates")
  void generationBlocksAreWherePythonHasThem(ChatGolden golden) throws IOException {
    ChatTemplate template = golden.template();
    for (Talk talk : Talk.all()) {
      JsonNode expected = golden.cases().path(talk.name()).path("plain").path("blocks");
      Trained trained = trained(template, talk);
      List<String> blocks = new ArrayList<>();
      expected.forEach(b -> blocks.add(b.path(0).intValue() + "-" + b.path(1).intValue()));
      assertThat(golden.name().equals("smollm3")).isEqualTo(expected.isArray());
      if (trained != null && expected.isArray()) {
        assertThat(trained.inCodePoints().stream().map(r -> r.start() + "-" + r.end()))
            .as("%s %s", golden, talk)
            .containsExactlyElementsOf(blocks);
      }
    }
  }
}
