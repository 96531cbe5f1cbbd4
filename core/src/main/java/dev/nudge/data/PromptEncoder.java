package dev.nudge.data;

import dev.nudge.data.rows.BadRowException;
import dev.nudge.data.rows.Messages;
import dev.nudge.data.rows.Row;
import dev.nudge.data.rows.RowShape;
import dev.nudge.text.Tokenizer;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;

/// Makes prompts of rows: texts as they are, conversations by the chat template.
///
/// @param chat null: no template, so conversations are bad rows
/// @param spoken whether a text is a user message and goes through the template too
/// @param system system message for conversations that have none; null: none
public record PromptEncoder(
    Tokenizer tokenizer, @Nullable Conversations chat, boolean spoken, @Nullable String system) {

  /// Makes an encoder that adds no system message.
  public PromptEncoder(Tokenizer tokenizer, @Nullable Conversations chat, boolean spoken) {
    this(tokenizer, chat, spoken, null);
  }

  /// Makes an encoder for texts as they are, without a template.
  public static PromptEncoder of(Tokenizer tokenizer) {
    return new PromptEncoder(tokenizer, null, false);
  }

  Conversations.Prompt prompt(RowShape shape, Row row) throws BadRowException {
    return prompt(shape.prompt(row));
  }

  Conversations.Prompt prompt(RowShape.Prompt asked) throws BadRowException {
    return switch (asked) {
      case RowShape.Prompt.Text text -> text(text.text());
      case RowShape.Prompt.Messages messages -> rendered(messages.messages(), messages.tools());
    };
  }

  /// Encodes a text as a prompt.
  ///
  /// @throws IllegalArgumentException if the template refuses it, or it is not Unicode
  public Conversations.Prompt of(String text) {
    if (!spoken || chat == null) {
      return new Conversations.Prompt(text, tokenizer.ids(text));
    }
    ArrayNode messages = JsonNodeFactory.instance.arrayNode();
    messages.add(Messages.message("user", text));
    return chat.prompt(withSystem(messages), null);
  }

  private ArrayNode withSystem(ArrayNode messages) {
    if (system == null || Messages.system(messages) != null) {
      return messages;
    }
    ArrayNode all = JsonNodeFactory.instance.arrayNode();
    return all.add(Messages.message("system", system)).addAll(messages);
  }

  private Conversations.Prompt text(String text) throws BadRowException {
    try {
      return of(text);
    } catch (IllegalArgumentException e) {
      String reason = String.valueOf(e.getMessage());
      throw new BadRowException(reason, spoken ? reason : "the text is not Unicode");
    }
  }

  private Conversations.Prompt rendered(ArrayNode messages, @Nullable ArrayNode tools)
      throws BadRowException {
    if (chat == null) {
      throw RowShape.noTemplate();
    }
    try {
      return chat.prompt(withSystem(messages), tools);
    } catch (IllegalArgumentException e) {
      throw new BadRowException(String.valueOf(e.getMessage()));
    }
  }
}
