package dev.nudge.chat;

import dev.nudge.generate.Usage;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// An assistant's answer to a question.
///
/// @param text the text of the answer, without reasoning and tool calls
/// @param thought the reasoning before it; empty: none
/// @param calls the tool calls
/// @param end why the answer ended
/// @param adapter digest of the adapter that answered; null: the base model
/// @param warning what the asker should know, such as that the adapter did not learn conversations;
///     null: nothing
/// @param usage token counts and latencies
public record Answer(
    String text,
    String thought,
    List<AnswerText.Call> calls,
    End end,
    @Nullable String adapter,
    @Nullable String warning,
    Usage usage) {

  public Answer {
    calls = List.copyOf(calls);
  }

  /// Why an answer ended.
  public enum End {
    /// The model ended it, or a text that the sampling names.
    STOP,
    /// It has as many tokens as were allowed.
    LENGTH,
    /// Tools are to be called.
    TOOL_CALLS,
    /// It was cancelled.
    CANCELLED
  }
}
