package dev.nudge.eval.task;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// The style of prompts: plain text or chat.
///
/// @param system system message; null: none
/// @param chat renders the chat template; null: plain text
/// @param multiturn whether each shot is a separate turn of a chat
public record PromptStyle(@Nullable String system, @Nullable Chat chat, boolean multiturn) {
  /// Plain text.
  public static final PromptStyle PLAIN = new PromptStyle(null, null, true);

  /// Renders conversations for a model.
  public interface Chat {
    /// Renders a conversation.
    ///
    /// @param begins whether to add a generation prompt; else the last message is continued
    String render(List<Message> messages, boolean begins);
  }
}
