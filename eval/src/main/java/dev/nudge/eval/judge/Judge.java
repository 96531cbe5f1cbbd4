package dev.nudge.eval.judge;

import java.util.List;
import java.util.function.ObjIntConsumer;
import org.jspecify.annotations.Nullable;

/// Says which of two answers to a question is better.
///
/// Threading: one thread at a time.
public interface Judge extends AutoCloseable {

  /// What is asked.
  ///
  /// @param a the answer that stands first
  /// @param b the answer that stands second
  /// @param reference the right answer; null: none is known
  record Question(String text, String a, String b, @Nullable String reference) {}

  /// What was answered.
  ///
  /// @param choice null: none could be read
  /// @param said the judge's words; or why it was not asked
  record Reply(@Nullable Choice choice, String said) {}

  /// A text that verdicts follow from, beside the question: who judges, and by what. The same text
  /// and the same question are not asked again.
  String identity();

  /// Asks questions.
  ///
  /// @param told each reply with the number of its question, as they come, by this thread; what was
  ///     told before a failure counts
  /// @throws dev.nudge.settings.RunException where an answer cannot be had
  void ask(List<Question> questions, ObjIntConsumer<Reply> told);

  /// Frees what the judge holds.
  @Override
  void close();
}
