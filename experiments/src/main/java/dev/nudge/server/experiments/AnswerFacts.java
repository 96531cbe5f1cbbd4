package dev.nudge.server.experiments;

import org.jspecify.annotations.Nullable;

/// The facts of a finished answer that an experiment records.
///
/// @param responseId id in the response, which feedback may name; null: none
/// @param outcome how the request ended
/// @param empty whether the answer has no character
/// @param promptTokens tokens of the prompt
/// @param completionTokens generated tokens
/// @param firstTokenSeconds time to first token; null: no token
/// @param seconds total time
/// @param cold whether the request waited for its adapter to load, so its times do not count for
///     the arm
/// @param answer digest of the text, to compare the arms' answers; null: not needed
public record AnswerFacts(
    @Nullable String responseId,
    Outcome outcome,
    boolean empty,
    int promptTokens,
    int completionTokens,
    @Nullable Double firstTokenSeconds,
    double seconds,
    boolean cold,
    @Nullable String answer) {

  /// How a request ended.
  public enum Outcome {
    /// The answer is complete.
    DONE,
    /// The server failed.
    FAILED,
    /// The client disconnected or made an error; not a failure of the arm.
    CANCELLED
  }
}
