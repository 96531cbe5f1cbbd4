package dev.nudge.data.rows;

import dev.nudge.data.rows.RowShape.Content;
import dev.nudge.settings.verb.DataShape;
import java.util.Collections;
import java.util.List;

/// The answers of a preference row, each with its prompt.
///
/// @param shape what the row looked like
/// @param answers the chosen and the rejected one, a labelled one alone, or a group; texts or
///     conversations. Of a prompt alone one that is empty
/// @param values of each answer: how much better the chosen one is (its margin), the label (1 good,
///     0 bad), or the reward
/// @param finished of each answer, whether it ended by itself
public record ComparedAnswers(
    DataShape shape, List<Content> answers, List<Double> values, List<Boolean> finished) {

  /// Answers that share a value.
  static ComparedAnswers of(DataShape shape, List<Content> answers, double value) {
    return new ComparedAnswers(
        shape,
        answers,
        Collections.nCopies(answers.size(), value),
        Collections.nCopies(answers.size(), true));
  }
}
