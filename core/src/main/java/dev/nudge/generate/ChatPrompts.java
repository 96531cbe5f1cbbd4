package dev.nudge.generate;

import dev.nudge.settings.ChatSettings;
import dev.nudge.settings.InputException;
import dev.nudge.text.TextRange;
import dev.nudge.text.Tokenizer;
import dev.nudge.text.chat.ChatException;
import dev.nudge.text.chat.ChatTemplate;
import dev.nudge.text.chat.Rendered;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.node.ArrayNode;

/// Turns conversations into prompts by a chat template.
///
/// @param template the model's, or the one that the settings name
record ChatPrompts(ChatTemplate template) {

  /// @throws InputException where there is no template, or none that is understood
  static ChatPrompts of(ChatSettings settings) {
    return new ChatPrompts(ChatTemplate.load(settings.model().model(), settings.template()));
  }

  /// The tokens of a conversation and of the beginning of its next answer. What users wrote never
  /// becomes a special token, and the template's own first token is the only one.
  ///
  /// @throws InputException where the template refuses the conversation
  int[] ids(ArrayNode messages, Tokenizer tokenizer) {
    try {
      Rendered rendered = template.render(messages, null, true, Map.of());
      List<TextRange> users =
          rendered.spans().stream().map(s -> new TextRange(s.start(), s.end())).toList();
      return tokenizer.encode(rendered.text(), users).ids();
    } catch (ChatException e) {
      throw new InputException(String.valueOf(e.getMessage()), e);
    } catch (IllegalArgumentException e) {
      throw new InputException("a message is not Unicode: " + e.getMessage(), e);
    }
  }

  /// Where the template is from.
  String about() {
    return template.place();
  }
}
