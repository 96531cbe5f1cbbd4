package dev.nudge.generate;

import dev.nudge.data.ChatRows;
import dev.nudge.settings.ChatSettings;
import dev.nudge.settings.InputException;
import dev.nudge.settings.TrainOn;
import dev.nudge.text.Tokenizer;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;

/// Turns conversations into prompts by a chat template.
///
/// @param rows the template's: the settings', the adapter's or the model's
record ChatPrompts(ChatRows rows) {

  /// @param adapter whose template comes before the model's; null: none
  /// @throws InputException where there is no template, or none that is understood
  static ChatPrompts of(ChatSettings settings, @Nullable Path adapter, Tokenizer tokenizer) {
    ChatRows rows =
        ChatRows.of(
            settings.model().model(), adapter, settings.template(), TrainOn.ASSISTANT, tokenizer);
    rows.template();
    return new ChatPrompts(rows);
  }

  /// The tokens of a conversation and of the beginning of its next answer.
  ///
  /// @throws InputException where the template refuses the conversation
  int[] ids(ArrayNode messages) {
    try {
      return rows.prompt(messages, null).ids();
    } catch (IllegalArgumentException e) {
      throw new InputException(String.valueOf(e.getMessage()), e);
    }
  }

  /// The token that ends a turn; null: none.
  @Nullable Integer turnEnd() {
    return rows.turnEnd();
  }

  /// Where the template is from.
  String about() {
    return rows.template().place();
  }
}
