package dev.nudge.server;

import dev.nudge.chat.ChatTemplates;
import dev.nudge.server.http.ApiException;
import dev.nudge.server.http.Served;
import dev.nudge.settings.InputException;
import dev.nudge.text.Tokenizer;
import dev.nudge.text.chat.ChatTemplate;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Renders clients' conversations to prompts by the chat template.
///
/// Threading: any number of threads.
record RequestPrompts(ChatTemplates templates) {

  /// Checks the template of the settings before a model is loaded.
  ///
  /// @throws InputException if the template is invalid
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

  /// Renders a conversation.
  ///
  /// @param messages are converted in place to the form that templates know
  /// @param tools null: none
  /// @param variables additional template variables
  /// @throws ApiException if there is no template
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
