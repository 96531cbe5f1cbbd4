package dev.nudge.chat;

import dev.nudge.generate.Usage;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// An answer of an assistant.
///
/// @param text what is said
/// @param thought what was thought before; empty: nothing
/// @param calls of tools
/// @param end why it ended
/// @param adapter the digest of the adapter that answered; null: the base
/// @param usage what it took
public record Answer(
    String text,
    String thought,
    List<AnswerText.Call> calls,
    End end,
    @Nullable String adapter,
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
