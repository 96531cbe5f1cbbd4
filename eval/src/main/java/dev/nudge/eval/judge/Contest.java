package dev.nudge.eval.judge;

import org.jspecify.annotations.Nullable;

/// Two answers to one question.
///
/// @param id by which it is found again, such as a document's number
/// @param reference the right answer; null: none is known
/// @param cluster what hangs together has the same, questions on one text for example; null: it
///     stands for itself
public record Contest(
    String id,
    String question,
    String first,
    String second,
    @Nullable String reference,
    @Nullable String cluster) {

  /// A pair that stands for itself.
  public Contest(
      String id, String question, String first, String second, @Nullable String reference) {
    this(id, question, first, second, reference, null);
  }

  /// What a judge is asked where the first answer stands first.
  Judge.Question forward() {
    return new Judge.Question(question, first, second, reference);
  }

  /// What a judge is asked where the second answer stands first.
  Judge.Question backward() {
    return new Judge.Question(question, second, first, reference);
  }

  /// Whether both answers are the same text: nobody need be asked.
  boolean same() {
    return first.equals(second);
  }
}
