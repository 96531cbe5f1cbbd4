package dev.nudge.generate;

import java.util.List;

/// An event of a streamed request: text of an answer, the end of an answer, a failure, the end.
/// [Failed] is followed by [Ended] only.
public sealed interface AnswerEvent {

  /// The tokens of an answer's prompt with log-probabilities, if the request has `echo`. The first
  /// token has no log-probability and is left out.
  record Prompted(int choice, List<TokenLogprob> tokens) implements AnswerEvent {}

  /// Text of an answer, whole characters only.
  ///
  /// @param choice index of the answer, from 0
  /// @param text after a prompt that asks for channels, with [dev.nudge.text.StreamDecoder#MARK]
  ///     before each special token
  /// @param tokens tokens since the last piece, if log-probabilities are on; else empty
  record Piece(int choice, String text, List<TokenLogprob> tokens) implements AnswerEvent {}

  /// An answer has ended.
  record Done(int choice, Completion completion) implements AnswerEvent {}

  /// The request has failed.
  record Failed(Throwable failure) implements AnswerEvent {}

  /// The request has released its memory; always the last event, also after a failure.
  record Ended(Usage usage) implements AnswerEvent {}
}
