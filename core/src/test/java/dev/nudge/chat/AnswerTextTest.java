package dev.nudge.chat;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.chat.AnswerText.Part;
import dev.nudge.chat.AnswerText.Rules;
import dev.nudge.text.StreamDecoder;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/// Cuts answers in every way that tokens could.
class AnswerTextTest {
  private static final Set<String> TOOLS = Set.of("weather", "time");

  private static final Rules PLAIN = new Rules(false, false, null, Set.of(), false);

  private static Rules tools(ToolFormat format) {
    return new Rules(false, false, format, TOOLS, false);
  }

  private static Rules thoughts(boolean open) {
    return new Rules(true, open, null, Set.of(), false);
  }

  /// A text whose marks are special tokens.
  private static String marked(String text) {
    return text.replaceAll("<\\|\\w+\\|>", StreamDecoder.MARK + "$0");
  }

  /// What comes of a text in pieces of each length, which has to be the same.
  private static List<String> read(Rules rules, String text) {
    List<String> first = null;
    for (int length = 1; length <= text.length(); length++) {
      AnswerText chat = new AnswerText(rules, false);
      List<Part> parts = new ArrayList<>();
      for (int at = 0; at < text.length(); at += length) {
        parts.addAll(chat.push(text.substring(at, Math.min(text.length(), at + length))));
      }
      parts.addAll(chat.end());
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
    String kind = "";
    for (Part part : parts) {
      String next =
          switch (part) {
            case Part.Content _ -> "said ";
            case Part.Reasoning _ -> "thought ";
            case Part.ToolCall _ -> "called ";
          };
      String text =
          switch (part) {
            case Part.Content(String more) -> more;
            case Part.Reasoning(String more) -> more;
            case Part.ToolCall(int _, AnswerText.Call call) -> call.name() + " " + call.arguments();
          };
      if (next.equals(kind) && !next.equals("called ")) {
        all.set(all.size() - 1, all.getLast() + text);
      } else {
        all.add(next + text);
      }
      kind = next;
    }
    return all;
  }

  @Test
  void textWithoutMarksIsSaidAsItIs() {
    assertThat(read(PLAIN, " Hello <think> {\"a\": 1}\n"))
        .containsExactly("said  Hello <think> {\"a\": 1}\n");
    assertThat(read(tools(ToolFormat.HERMES), " Hello < [x]\n"))
        .containsExactly("said  Hello < [x]\n");
  }

  @Test
  void thoughtsStandApart() {
    assertThat(read(thoughts(false), "<think>\nWell.\nYes.\n</think>\n\nHello."))
        .containsExactly("thought Well.\nYes.", "said Hello.");
    assertThat(read(thoughts(true), "Well.\n</think>\n\nHello."))
        .containsExactly("thought Well.", "said Hello.");
    assertThat(read(thoughts(false), "<thin air")).containsExactly("said <thin air");
    assertThat(read(thoughts(true), "Well, I")).containsExactly("thought Well, I");
  }

  @Test
  void hermesCallsAreReadBetweenTheirMarks() {
    String call =
        "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Rome\"}}\n</tool_call>";
    assertThat(read(tools(ToolFormat.HERMES), "I look.\n" + call + "\n" + call + "\n"))
        .containsExactly(
            "said I look.",
            "called weather {\"city\":\"Rome\"}",
            "called weather {\"city\":\"Rome\"}");
  }

  @Test
  void whatLooksLikeACallAndIsNoneIsSaid() {
    assertThat(read(tools(ToolFormat.HERMES), "<tool_call>nothing</tool_call>"))
        .containsExactly("said <tool_call>nothing</tool_call>");
    assertThat(read(tools(ToolFormat.LLAMA), "{\"name\": \"unknown\", \"parameters\": {}}"))
        .containsExactly("said {\"name\": \"unknown\", \"parameters\": {}}");
    assertThat(read(tools(ToolFormat.MISTRAL), "[1, 2]")).containsExactly("said [1, 2]");
    assertThat(read(tools(ToolFormat.HERMES), "<tool_call>{\"name\": \"weath"))
        .containsExactly("said <tool_call>{\"name\": \"weath");
  }

  @Test
  void llamaAndMistralBeginWithJson() {
    assertThat(
            read(
                tools(ToolFormat.LLAMA),
                "{\"name\": \"time\", \"parameters\": {}}; {\"name\": \"weather\", \"parameters\":"
                    + " {\"city\": \"Rome\"}}"))
        .containsExactly("called time {}", "called weather {\"city\":\"Rome\"}");
    String list = "[{\"name\": \"time\", \"arguments\": {\"zone\": \"CET\"}}]";
    assertThat(read(tools(ToolFormat.MISTRAL), list))
        .containsExactly("called time {\"zone\":\"CET\"}");
    assertThat(read(tools(ToolFormat.MISTRAL), "[TOOL_CALLS] " + list))
        .containsExactly("called time {\"zone\":\"CET\"}");
  }

  @Test
  void channelsAreReasoningTextAndCalls() {
    String thought = marked("<|channel|>analysis<|message|>Look.<|end|><|start|>assistant");
    String call = marked("<|channel|>commentary to=functions.weather <|constrain|>json<|message|>");
    Rules none = new Rules(true, false, ToolFormat.HARMONY, Set.of(), false);
    String last = marked("<|channel|>final<|message|>");
    assertThat(read(none, thought + last + "Hello <think>.</think>"))
        .containsExactly("thought Look.", "said Hello <think>.</think>");
    assertThat(read(tools(ToolFormat.HARMONY), thought + call + "{\"city\": \"Rome\"}"))
        .containsExactly("thought Look.", "called weather {\"city\":\"Rome\"}");
    assertThat(read(tools(ToolFormat.HARMONY), call + "{\"city\": \"Ro"))
        .containsExactly("said {\"city\": \"Ro");
    assertThat(read(none, call + "{}")).containsExactly("said {}");
    String spelled = call + "{\"city\": \"<|end|>\"}" + marked("<|call|>");
    assertThat(read(tools(ToolFormat.HARMONY), spelled))
        .containsExactly("called weather {\"city\":\"<|end|>\"}");
    assertThat(read(PLAIN, thought)).containsExactly("said " + StreamDecoder.plain(thought));
    Rules bare = new Rules(false, false, ToolFormat.HARMONY, TOOLS, true);
    assertThat(read(bare, "{\"name\": \"time\", \"arguments\": {}}"))
        .containsExactly("called time {}");
  }

  @Test
  void theFormatIsKnownByTheTemplate() {
    assertThat(ToolFormat.of("…<|channel|>…<|message|>…")).isEqualTo(ToolFormat.HARMONY);
    assertThat(ToolFormat.of("…<tool_call>…")).isEqualTo(ToolFormat.HERMES);
    assertThat(ToolFormat.of("…[TOOL_CALLS]…")).isEqualTo(ToolFormat.MISTRAL);
    assertThat(ToolFormat.of("…ipython…")).isEqualTo(ToolFormat.LLAMA);
    assertThat(ToolFormat.MISTRAL.id(new java.util.Random(1))).matches("[A-Za-z0-9]{9}");
  }
}
