package dev.nudge.eval.task;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// How prompts are written.
///
/// @param system what is said to the model before all else; null: nothing
/// @param chat by which template; null: as plain text
/// @param multiturn each shot is a turn of its own in a chat
public record PromptStyle(@Nullable String system, @Nullable Chat chat, boolean multiturn) {
  /// Plain text.
  public static final PromptStyle PLAIN = new PromptStyle(null, null, true);

  /// Writes conversations as a model reads them.
  public interface Chat {
    /// Writes a conversation.
    ///
    /// @param begins whether the beginning of an answer follows; else the last message goes on
    String render(List<Message> messages, boolean begins);
  }
}
