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

/// Finds the span of each assistant message that the model itself generates: from behind the
/// generation prompt of that turn through the end-of-turn token.
///
/// ```
///   rendered
/// <|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n<think>…</think>Hello<|im_end|>\n
///   before     <|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n
///   the turn
/// <think>…</think>Hello<|im_end|>
/// ```
///
/// `before` is the conversation up to there with generation prompt. It is laid over the rendering
/// from the last character of an earlier message on, since a template may show earlier messages
/// otherwise (Qwen3 drops their reasoning). Where the generation prompt goes on further than what
/// stands before the message (it may open or close a `<think>`), the turn begins with the message.
/// What stands in a text as an end token cannot be taken for one: only the template's characters
/// behind the message are searched.
final class AssistantSpans {
  /// A token at the end of a generation prompt: what stands before it may differ from turn to turn
  /// (Granite puts controls there).
  private static final Pattern LAST_MARK = Pattern.compile("<[^<>\\s]{1,40}>\\s*$");

  private final ChatTemplate.Prepared template;
  private final SpecialTokens specials;
  private final List<Value> values;
  private final Rendered rendered;
  private final @Nullable String usualEnd;
  private final ArrayNode messages;

  /// What stood before an answer, by the role of the message before it: mostly it stands there
  /// again, and a long conversation is not rendered once for each of its answers.
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

  /// What a model says of one message.
  record Turn(int message, int start, int end) {}

  /// The turn of a message, null where nothing of it is in the text.
  @Nullable Turn of(int message) {
    int[] said = said(message);
    if (said == null) {
      Rendered before = before(message);
      return before == null ? null : empty(message, before);
    }
    return new Turn(message, start(message, said[0]), end(said[1]));
  }

  /// The turn of a message that wrote nothing: what follows where its generation prompt stands.
  private @Nullable Turn empty(int message, Rendered before) {
    int behind = 0;
    for (Span span : rendered.spans()) {
      behind = span.message() < message ? span.end() : behind;
    }
    String prompt = prompt(message, before);
    int start = behind + prompt.length();
    return rendered.text().startsWith(prompt, behind) ? new Turn(message, start, end(start)) : null;
  }

  /// What the template writes between the last character of an earlier message and an answer.
  private static String prompt(int message, Rendered before) {
    String text = before.text();
    return text.substring(behindOthers(before, message, text.length()));
  }

  /// What the template marks by `{% generation %}`.
  List<Turn> marked() {
    List<Turn> turns = new ArrayList<>();
    for (Block block : rendered.blocks()) {
      turns.add(new Turn(block.message(), block.start(), block.end()));
    }
    return turns;
  }

  /// The conversation before a message, with generation prompt; null where it cannot be rendered.
  @Nullable Rendered before(int message) {
    if (message == 0) {
      return null;
    }
    try {
      return template.render(values.subList(0, message), true);
    } catch (ChatException e) {
      return null; // a template may refuse what it would not be asked
    }
  }

  /// From the first to behind the last character of its content, without another message between.
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
    int behind = behindOthers(rendered, message, said);
    String role = messages.path(message - 1).path("role").asString("");
    String usual = prompts.get(role);
    String head = rendered.text().substring(behind, said);
    if (head.equals(usual)) {
      return said;
    }
    Rendered before = before(message);
    if (before == null) {
      String prompt = generationPrompt();
      int at = prompt.isEmpty() ? -1 : head.lastIndexOf(prompt);
      return at < 0 ? said : behind + at + prompt.length();
    }
    String prompt = prompt(message, before);
    if (rendered.text().startsWith(prompt, behind)) {
      prompts.put(role, prompt);
      return behind + prompt.length(); // within the message where that repeats the prompt's <think>
    }
    int common = common(head, prompt);
    if (common == head.length()) {
      return said;
    }
    Matcher last = LAST_MARK.matcher(prompt);
    int at = last.find() ? head.indexOf(last.group(), common) : -1;
    return behind + (at < 0 ? wholeMarks(prompt, common) : at + last.group().length());
  }

  /// Behind the last character of another message, before a place.
  private static int behindOthers(Rendered text, int message, int before) {
    int behind = 0;
    for (Span span : text.spans()) {
      if (span.message() != message && span.end() <= before) {
        behind = span.end();
      }
    }
    return behind;
  }

  static int common(String a, String b) {
    int common = 0;
    while (common < Math.min(a.length(), b.length()) && a.charAt(common) == b.charAt(common)) {
      common++;
    }
    return common;
  }

  /// Back to where a line or a token ends: `<think>` and `<tool_call>` have `<t` in common.
  private static int wholeMarks(String text, int common) {
    int at = common;
    while (at > 0 && ">]\n".indexOf(text.charAt(at - 1)) < 0) {
      at--;
    }
    return at;
  }

  /// What the template writes for an answer, where no conversation before one can be rendered.
  private String generationPrompt() {
    try {
      String without = rendered.text();
      String with = template.render(values, true).text();
      return with.substring(wholeMarks(with, common(with, without)));
    } catch (ChatException e) {
      return "";
    }
  }

  /// Behind the token that ends a turn whose content ends at a place; the place itself for none.
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
