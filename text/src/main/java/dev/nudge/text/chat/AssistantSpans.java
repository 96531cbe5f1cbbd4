package dev.nudge.text.chat;

import dev.nudge.text.chat.Rendered.Block;
import dev.nudge.text.chat.Rendered.Span;
import dev.nudge.text.chat.SpecialTokens.Found;
import dev.nudge.text.jinja.Value;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;

/// Finds the span of each assistant message that the model itself generates: from the end of that
/// turn's generation prompt through the end-of-turn token.
///
/// ```
/// rendered  …Hi<|im_end|>\n<|im_start|>assistant\n<think>…</think>Hello<|im_end|>\n
/// before    …Hi<|im_end|>\n<|im_start|>assistant\n
/// turn                                           <think>…</think>Hello<|im_end|>
/// ```
///
/// `before` is the conversation before the message, with generation prompt. Both are compared from
/// the last character of an earlier message on, since a template may render earlier messages
/// differently (Qwen3 drops their reasoning). If the generation prompt is longer than the text
/// before the message (it may open or close a `<think>`), the turn begins with the message. An end
/// token that a message spells is not taken for the end: only template text after the message is
/// searched.
final class AssistantSpans {
  /// A token at the end of a generation prompt: the text before it may differ from turn to turn
  /// (Granite writes controls there).
  private static final Pattern LAST_MARK = Pattern.compile("<[^<>\\s]{1,40}>\\s*$");

  private final ChatTemplate.Prepared template;
  private final SpecialTokens specials;
  private final List<Value> values;
  private final Rendered rendered;
  private final @Nullable String usualEnd;
  private final ArrayNode messages;

  /// Caches the text before an answer by the role of the message before it. It is mostly the same,
  /// so a long conversation is not rendered once for each of its answers.
  private final Map<String, String> prompts = new HashMap<>();

  AssistantSpans(
      ChatTemplate template,
      ArrayNode messages,
      @Nullable ArrayNode tools,
      Map<String, JsonNode> variables) {
    this.messages = messages;
    this.template = template.of(tools, variables);
    this.specials = template.specials();
    this.usualEnd = template.turnEnd();
    this.values = TemplateMessages.values(messages);
    this.rendered = this.template.render(values, false);
  }

  Rendered rendered() {
    return rendered;
  }

  /// The range of a message that the model generates.
  record Turn(int message, int start, int end) {}

  /// Returns the turn of a message; null: the rendering omits the message.
  @Nullable Turn of(int message) {
    int[] said = said(message);
    if (said == null) {
      Rendered before = before(message);
      return before == null ? null : empty(message, before);
    }
    return new Turn(message, start(message, said[0]), end(said[1]));
  }

  /// Returns the turn of an empty message: it begins after its generation prompt.
  private @Nullable Turn empty(int message, Rendered before) {
    int from = 0;
    for (Span span : rendered.spans()) {
      from = span.message() < message ? span.end() : from;
    }
    String prompt = prompt(message, before);
    int start = from + prompt.length();
    return rendered.text().startsWith(prompt, from) ? new Turn(message, start, end(start)) : null;
  }

  /// Returns the template's text between the last character of an earlier message and an answer.
  private static String prompt(int message, Rendered before) {
    String text = before.text();
    return text.substring(behindOthers(before, message, text.length()));
  }

  /// Returns the ranges that the template marks by `{% generation %}`.
  List<Turn> marked() {
    List<Turn> turns = new ArrayList<>();
    for (Block block : rendered.blocks()) {
      turns.add(new Turn(block.message(), block.start(), block.end()));
    }
    return turns;
  }

  /// Renders the conversation before a message, with generation prompt; null: this fails.
  @Nullable Rendered before(int message) {
    if (message == 0) {
      return null;
    }
    try {
      return template.render(values.subList(0, message), true);
    } catch (ChatException e) {
      return null; // the template may refuse a shortened conversation
    }
  }

  /// Returns the range of a message's first contiguous content, without another message in it.
  private int @Nullable [] said(int message) {
    int[] found = null;
    for (Span span : rendered.spans()) {
      if (!span.part().said()) {
        continue;
      }
      if (span.message() == message) {
        found = new int[] {found == null ? span.start() : found[0], span.end()};
      } else if (found != null) {
        break;
      }
    }
    return found;
  }

  private int start(int message, int said) {
    int otherEnd = behindOthers(rendered, message, said);
    String role = messages.path(message - 1).path("role").asString("");
    String usual = prompts.get(role);
    String head = rendered.text().substring(otherEnd, said);
    if (head.equals(usual)) {
      return said;
    }
    Rendered before = before(message);
    if (before == null) {
      String prompt = generationPrompt();
      int at = prompt.isEmpty() ? -1 : head.lastIndexOf(prompt);
      return at < 0 ? said : otherEnd + at + prompt.length();
    }
    String prompt = prompt(message, before);
    if (rendered.text().startsWith(prompt, otherEnd)) {
      prompts.put(role, prompt);
      return otherEnd + prompt.length(); // inside the message if it repeats the prompt's <think>
    }
    int common = common(head, prompt);
    if (common == head.length()) {
      return said;
    }
    Matcher last = LAST_MARK.matcher(prompt);
    int at = last.find() ? head.indexOf(last.group(), common) : -1;
    return otherEnd + (at < 0 ? wholeMarks(prompt, common) : at + last.group().length());
  }

  /// Returns the end of the last span of another message that ends by `before`.
  private static int behindOthers(Rendered text, int message, int before) {
    int otherEnd = 0;
    for (Span span : text.spans()) {
      if (span.message() != message && span.end() <= before) {
        otherEnd = span.end();
      }
    }
    return otherEnd;
  }

  static int common(String a, String b) {
    int common = 0;
    while (common < Math.min(a.length(), b.length()) && a.charAt(common) == b.charAt(common)) {
      common++;
    }
    return common;
  }

  /// Moves back to the end of a line or token: `<think>` and `<tool_call>` share only `<t`.
  private static int wholeMarks(String text, int common) {
    int at = common;
    while (at > 0 && ">]\n".indexOf(text.charAt(at - 1)) < 0) {
      at--;
    }
    return at;
  }

  /// Returns the generation prompt; used if a conversation before an answer cannot be rendered.
  private String generationPrompt() {
    try {
      String without = rendered.text();
      String with = template.render(values, true).text();
      return with.substring(wholeMarks(with, common(with, without)));
    } catch (ChatException e) {
      return "";
    }
  }

  /// Returns the end of the turn-end token after content that ends at `said`; else `said`.
  private int end(int said) {
    int next = rendered.text().length();
    for (Span span : rendered.spans()) {
      if (span.start() >= said) {
        next = span.start();
        break;
      }
    }
    String text = rendered.text();
    Found found = usualEnd == null ? null : SpecialTokens.first(text, said, next, Set.of(usualEnd));
    if (found == null) {
      found = SpecialTokens.first(text, said, next, specials.ends());
    }
    if (found == null) {
      found = SpecialTokens.first(text, said, next, specials.all());
    }
    return found == null ? said : found.end();
  }
}
