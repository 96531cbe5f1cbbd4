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
/// @param cold whether the request waited for its adapter to load, so that its times are not the
///     arm's
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

  /// The facts of a complete answer.
  public static AnswerFacts done(
      String responseId,
      int promptTokens,
      int completionTokens,
      double firstToken,
      double seconds) {
    return new AnswerFacts(
        responseId,
        Outcome.DONE,
        completionTokens == 0,
        promptTokens,
        completionTokens,
        firstToken,
        seconds,
        false,
        null);
  }

  /// The facts of a request that the server failed.
  public static AnswerFacts failed(double seconds) {
    return new AnswerFacts(null, Outcome.FAILED, false, 0, 0, null, seconds, false, null);
  }

  /// The facts of a request that the client cancelled.
  public static AnswerFacts cancelled(double seconds) {
    return new AnswerFacts(null, Outcome.CANCELLED, false, 0, 0, null, seconds, false, null);
  }
}
