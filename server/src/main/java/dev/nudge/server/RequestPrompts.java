package dev.nudge.server;

import dev.nudge.chat.ChatTemplates;
import dev.nudge.settings.InputException;
import dev.nudge.text.Tokenizer;
import dev.nudge.text.chat.ChatTemplate;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Makes prompts of the conversations that clients send.
///
/// Threading: any number of threads.
record RequestPrompts(ChatTemplates templates) {

  /// Looks at the template that the settings name, before a model is loaded for minutes.
  ///
  /// @throws InputException where it is none
  static void check(ServeSettings settings) {
    if (settings.template() != null) {
      ChatTemplate.load(settings.model(), settings.template());
    }
  }

  static RequestPrompts of(ServeSettings settings, Tokenizer tokenizer, Consumer<String> warnings) {
    return new RequestPrompts(
        new ChatTemplates(
            settings.model(),
            settings.template(),
            tokenizer,
            line -> warnings.accept(line + "; /v1/completions asks it with texts as they are")));
  }

  /// Makes the prompt of a conversation.
  ///
  /// @param messages are changed into what templates know
  /// @param tools null: none
  /// @param variables more names for the template
  /// @throws ApiException where there is no template
  ChatTemplates.Prompt of(
      Served served,
      ArrayNode messages,
      @Nullable ArrayNode tools,
      @Nullable ObjectNode variables) {
    try {
      return templates.of(
          served.shown(), served.digest(), served.folder(), messages, tools, variables);
    } catch (ChatTemplates.NoTemplate e) {
      throw ApiException.wrong(
          "model",
          "'%s' has no chat template that can be used; ask /v1/completions"
              .formatted(served.asked()));
    }
  }
}
