package dev.nudge.eval.judge;

import org.jspecify.annotations.Nullable;

/// A pair of answers to one question, by two models.
///
/// @param id identifies the pair, such as a document's number
/// @param reference the right answer; null if unknown
/// @param cluster key of correlated pairs, such as the text that the questions are about; null if
///     the pair is independent
public record Contest(
    String id,
    String question,
    String first,
    String second,
    @Nullable String reference,
    @Nullable String cluster) {

  /// An independent pair.
  public Contest(
      String id, String question, String first, String second, @Nullable String reference) {
    this(id, question, first, second, reference, null);
  }

  /// Returns the judge's question with the first answer in first position.
  Judge.Question forward() {
    return new Judge.Question(question, first, second, reference);
  }

  /// Returns the judge's question with the second answer in first position.
  Judge.Question backward() {
    return new Judge.Question(question, second, first, reference);
  }

  /// Whether both answers are the same text, so that no judge is needed.
  boolean same() {
    return first.equals(second);
  }
}
