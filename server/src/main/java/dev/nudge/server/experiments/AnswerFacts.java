package dev.nudge.server.experiments;

import org.jspecify.annotations.Nullable;

/// What a server knows of an answer when it has ended.
///
/// @param responseId the id in the answer, which feedback may name; null where there was none
/// @param outcome how it ended
/// @param empty whether the answer has no character
/// @param promptTokens of the prompt
/// @param completionTokens that were made
/// @param firstTokenSeconds from the arrival to the first token; null where there was none
/// @param seconds from the arrival to the end
/// @param cold whether it waited for its adapter to be loaded, so its times say nothing of the arm
/// @param answer digest of the text, which tells equal answers of two arms; null where not wanted
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
    /// With an answer.
    DONE,
    /// By a failure of the server.
    FAILED,
    /// By the client, or by a mistake of its own: nobody's failure.
    CANCELLED
  }

  /// An answer that came in full.
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

  /// A request that the server failed.
  public static AnswerFacts failed(double seconds) {
    return new AnswerFacts(null, Outcome.FAILED, false, 0, 0, null, seconds, false, null);
  }

  /// A request that its client gave up.
  public static AnswerFacts cancelled(double seconds) {
    return new AnswerFacts(null, Outcome.CANCELLED, false, 0, 0, null, seconds, false, null);
  }
}
