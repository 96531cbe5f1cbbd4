package dev.nudge.eval.judge;

import java.util.List;
import java.util.function.ObjIntConsumer;
import org.jspecify.annotations.Nullable;

/// Decides which of two answers to a question is better.
///
/// Threading: one thread at a time.
public interface Judge extends AutoCloseable {

  /// A question with two answers to compare.
  ///
  /// @param a the answer in first position
  /// @param b the answer in second position
  /// @param reference the right answer; null if unknown
  record Question(String text, String a, String b, @Nullable String reference) {}

  /// A judge's reply.
  ///
  /// @param choice the verdict; null if none could be read
  /// @param said the judge's text, or the reason why it was not asked
  record Reply(@Nullable Choice choice, String said) {}

  /// Returns the cache key of the judge: model, prompt and everything else that its verdicts depend
  /// on, the question excluded.
  String identity();

  /// Asks questions.
  ///
  /// @param told receives each reply with the index of its question as it arrives, on the calling
  ///     thread; replies before a failure are valid
  /// @throws dev.nudge.settings.RunException if a reply cannot be obtained
  void ask(List<Question> questions, ObjIntConsumer<Reply> told);

  /// Frees the judge's resources, such as a loaded model.
  @Override
  void close();
}
