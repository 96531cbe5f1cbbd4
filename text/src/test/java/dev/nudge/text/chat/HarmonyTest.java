package dev.nudge.text.chat;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.settings.TrainOn;
import dev.nudge.text.StreamDecoder;
import dev.nudge.text.chat.Harmony.Part;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Answers written by hand from the published format, cut in every way that tokens could.
class HarmonyTest {
  private static final String NEXT = "<|end|><|start|>assistant";
  private static final String THOUGHT = "<|channel|>analysis<|message|>";

  /// A template in the format, as gpt-oss's own writes turns.
  private static final String TEMPLATE =
      """
      {%- for message in messages -%}
      {%- if message.role == 'user' -%}
      {{- '<|start|>user<|message|>' ~ message.content ~ '<|end|>' -}}
      {%- else -%}
      {%- if message.thinking is defined and loop.last -%}
      {{- '<|start|>assistant<|channel|>analysis<|message|>' ~ message.thinking ~ '<|end|>' -}}
      {%- endif -%}
      {{- '<|start|>assistant<|channel|>final<|message|>' ~ message.content -}}
      {{- 'LAST' if loop.last and not add_generation_prompt else '<|end|>' -}}
      {%- endif -%}
      {%- endfor -%}
      {%- if add_generation_prompt -%}<|start|>assistant{%- endif -%}
      """;

  @TempDir private Path folder;

  /// A text whose marks are special tokens.
  private static String marked(String text) {
    return text.replaceAll("<\\|\\w+\\|>", StreamDecoder.MARK + "$0");
  }

  private static List<String> read(String text) {
    return pieces(marked(text));
  }

  private static List<String> pieces(String text) {
    List<String> first = null;
    for (int length = 1; length <= text.length(); length++) {
      Harmony harmony = new Harmony();
      List<Part> parts = new ArrayList<>();
      for (int at = 0; at < text.length(); at += length) {
        parts.addAll(harmony.push(text.substring(at, Math.min(text.length(), at + length))));
      }
      parts.addAll(harmony.end());
      List<String> now = joined(parts);
      if (first != null) {
        assertThat(now).as("pieces of %d", length).isEqualTo(first);
      }
      first = now;
    }
    return first == null ? List.of() : first;
  }

  private static List<String> joined(List<Part> parts) {
    List<String> all = new ArrayList<>();
    for (Part part : parts) {
      String text =
          switch (part) {
            case Part.Reasoning(String more) -> "thought " + more;
            case Part.Content(String more) -> "said " + more;
            case Part.ToolCall(String name, String arguments) -> "called " + name + " " + arguments;
          };
      String kind = text.substring(0, text.indexOf(' ') + 1);
      if (!all.isEmpty() && all.getLast().startsWith(kind) && !kind.equals("called ")) {
        all.set(all.size() - 1, all.getLast() + text.substring(kind.length()));
      } else {
        all.add(text);
      }
    }
    return all;
  }

  @Test
  void reasoningStandsApart() {
    assertThat(read(THOUGHT + "2 < 3, so." + NEXT + "<|channel|>final<|message|>Yes: 2 <b>3"))
        .containsExactly("thought 2 < 3, so.", "said Yes: 2 <b>3");
    assertThat(read(THOUGHT + "One." + NEXT + THOUGHT + "Two." + NEXT + Harmony.ANSWER + "A\n"))
        .containsExactly("thought One.\nTwo.", "said A\n");
    assertThat(read(Harmony.ANSWER + "A<|return|>")).containsExactly("said A");
  }

  @Test
  void messagesToFunctionsAreCalls() {
    String call = " to=functions.get_weather <|constrain|>json<|message|>{\"city\": \"Rome\"}";
    assertThat(read(THOUGHT + "Look." + NEXT + "<|channel|>commentary" + call + "<|call|>"))
        .containsExactly("thought Look.", "called get_weather {\"city\": \"Rome\"}");
    assertThat(read(" to=functions.a.b<|channel|>commentary json<|message|>{}"))
        .containsExactly("called a.b {}");
    assertThat(
            read("<|channel|>commentary<|message|>I look." + NEXT + "<|channel|>analysis" + call))
        .containsExactly("said I look.", "called get_weather {\"city\": \"Rome\"}");
    assertThat(
            read(
                "<|channel|>analysis to=python code<|message|>1 + 1" + NEXT + Harmony.ANSWER + "2"))
        .containsExactly("thought 1 + 1", "said 2");
    assertThat(read("<|channel|>commentary to=browser.open<|message|>{}" + NEXT + Harmony.ANSWER))
        .isEmpty();
  }

  @Test
  void whatIsCutOffOrHasNoChannelIsText() {
    assertThat(read("to be <i>or</i> not")).containsExactly("said to be <i>or</i> not");
    assertThat(read("to")).containsExactly("said to");
    assertThat(read("Hello." + NEXT + Harmony.ANSWER + "Bye."))
        .containsExactly("said Hello.\nBye.");
    assertThat(read(THOUGHT + "Well, <|e")).containsExactly("thought Well, <|e");
    assertThat(read(THOUGHT + "Well." + NEXT + "<|channel|>fin")).containsExactly("thought Well.");
    assertThat(read("<|channel|>anal")).isEmpty();
  }

  /// A model that speaks of the format spells its marks with ordinary tokens.
  @Test
  void aMarkThatIsSpelledInATextIsText() {
    String spelled = "The marker <|end|> ends <|start|>, <|channel|>final<|message|> begins. <|";
    assertThat(pieces(marked(Harmony.ANSWER) + spelled + marked("<|return|>")))
        .containsExactly("said " + spelled);
    assertThat(pieces(marked(THOUGHT) + spelled + marked(NEXT + Harmony.ANSWER) + spelled))
        .containsExactly("thought " + spelled, "said " + spelled);
    String arguments = "{\"a\":\"<|end|><|call|>\"}";
    String call = marked("<|channel|>commentary to=functions.f <|constrain|>json<|message|>");
    assertThat(pieces(call + arguments + marked("<|call|>")))
        .containsExactly("called f " + arguments);
    assertThat(pieces(THOUGHT + "A")).containsExactly("said " + THOUGHT + "A");
    // another special token within a message is shown without what marks it
    assertThat(read(Harmony.ANSWER + "a<|constrain|>b")).containsExactly("said a<|constrain|>b");
  }

  @Test
  void whatStandsBeforeAMessageIsNoBody() {
    String text = marked(THOUGHT + "final" + NEXT + Harmony.ANSWER + "final");
    int first = text.indexOf("final");
    int header = text.indexOf("final", first + 1);
    assertThat(Harmony.isBody(text, first, first + 5)).isTrue();
    assertThat(Harmony.isBody(text, first + 4, first + 7)).isFalse(); // with a part of the mark
    assertThat(Harmony.isBody(text, header, header + 5)).isFalse();
    assertThat(Harmony.isBody(text, text.length() - 5, text.length())).isTrue();
    assertThat(Harmony.isBody(text, text.length() - 6, text.length())).isFalse();
    for (String before : List.of(" to", " to=functions.f")) {
      assertThat(Harmony.isBody(before, 1, 3)).isFalse();
    }
    assertThat(Harmony.isBody("too", 0, 2)).isTrue();
  }

  @Test
  void aWholeAnswerIsMarkedAsMostModelsDo() {
    assertThat(Harmony.written(marked(THOUGHT + "Well." + NEXT + Harmony.ANSWER + "Hello.")))
        .isEqualTo("<think>\nWell.\n</think>\n\nHello.");
    String call = " to=functions.f<|channel|>commentary<|message|>{\"a\": 1}<|call|>";
    assertThat(Harmony.written(marked(call)))
        .isEqualTo("<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>\n");
    assertThat(Harmony.written("Hello.")).isEqualTo("Hello.");
  }

  /// The end of a message is not that of a turn, even where a template ends all turns by it.
  @Test
  void theModelsOwnTurnIsTrainedAndNoMessageEndsIt() throws IOException {
    Files.writeString(
        folder.resolve("tokenizer_config.json"),
        """
        {"eos_token": "<|return|>", "extra_special_tokens": {"e_token": "<|end|>"}}
        """);
    for (String last : List.of("<|return|>", "<|end|>")) {
      Path file = folder.resolve("harmony.jinja");
      Files.writeString(file, TEMPLATE.replace("LAST", last));
      ChatTemplate template = ChatTemplate.load(folder, file.toString());
      assertThat(template.turnEnd()).isNull();
      String talk =
          """
          [{"role": "user", "content": "U"}, {"role": "assistant", "content": "A"},
           {"role": "user", "content": "V"},
           {"role": "assistant", "reasoning_content": "T", "content": "B"}]
          """;
      Trained trained =
          Trained.of(template, ChatTemplateTest.array(talk), null, Map.of(), TrainOn.ASSISTANT);
      List<String> pieces =
          trained.ranges().stream()
              .map(r -> trained.rendered().text().substring(r.start(), r.end()))
              .toList();
      assertThat(pieces)
          .containsExactly(
              Harmony.ANSWER + "A<|end|>", THOUGHT + "T" + NEXT + Harmony.ANSWER + "B" + last);
    }
  }
}
