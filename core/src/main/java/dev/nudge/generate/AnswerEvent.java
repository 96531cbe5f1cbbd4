package dev.nudge.generate;

import java.util.List;

/// What a request tells as its answers come: pieces of each, then that it is done. After a failure
/// come no more of them.
public sealed interface AnswerEvent {

  /// The prompt's tokens with their log-probabilities, before all else, where the request asks for
  /// them. The first token has none and is left out.
  record Prompted(List<TokenLogprob> tokens) implements AnswerEvent {}

  /// Text of an answer, whole characters only.
  ///
  /// @param choice which answer, from 0
  /// @param tokens those that came since the last piece, where the sampling asks for
  ///     log-probabilities; else none
  record Piece(int choice, String text, List<TokenLogprob> tokens) implements AnswerEvent {}

  /// An answer has ended.
  record Done(int choice, Completion completion) implements AnswerEvent {}

  /// The request has failed.
  record Failed(Throwable failure) implements AnswerEvent {}

  /// The request holds nothing any more: the last event, also where it failed or its listener did.
  record Ended(Usage usage) implements AnswerEvent {}
}
