package dev.nudge.text.chat;

import dev.nudge.text.chat.Rendered.Span;
import dev.nudge.text.chat.SpecialTokens.Found;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;

/// Finds a template's end-of-turn token: it follows an answer both before the next question and at
/// the end of the text. (Phi-4-mini writes `<|end|>` after each message, `<|endoftext|>` after
/// all.) A harmony template has none: `<|end|>` ends a message there, and an answer has several.
final class TurnEnd {
  /// What looks like a special token, where the tokenizer has none of them.
  private static final Pattern MARK = Pattern.compile("<[^<>\\s]{1,40}>|\\[/?[A-Z_]{2,40}\\]");

  private TurnEnd() {}

  static @Nullable String of(ChatTemplate.Prepared template, SpecialTokens specials) {
    ArrayNode messages = JsonNodeFactory.instance.arrayNode();
    for (String role : List.of("user", "assistant", "user", "assistant")) {
      messages.addObject().put("role", role).put("content", "a");
    }
    Rendered probe;
    try {
      probe = template.render(TemplateMessages.values(messages), false);
    } catch (ChatException e) {
      return null;
    }
    List<Span> said = probe.spans().stream().filter(s -> s.part().said()).toList();
    if (said.size() != 4) {
      return null;
    }
    String between = probe.text().substring(said.get(1).end(), said.get(2).start());
    String last = probe.text().substring(said.get(3).end());
    if (Harmony.isIn(probe.text())) {
      return null;
    }
    String special = both(last, between, specials.all());
    if (special != null) {
      return special;
    }
    Set<String> marks = new TreeSet<>();
    Matcher looks = MARK.matcher(last);
    while (looks.find()) {
      marks.add(looks.group());
    }
    return both(last, between, marks);
  }

  private static @Nullable String both(String last, String between, Set<String> tokens) {
    Found found = SpecialTokens.first(last, 0, last.length(), tokens);
    return found != null && between.contains(found.token()) ? found.token() : null;
  }
}
