package dev.nudge.data;

import dev.nudge.data.RowShape.Content;
import dev.nudge.settings.DataShape;
import java.util.List;

/// The answers of a preference row, each with its prompt.
///
/// @param answers the chosen and the rejected one, or a labelled one alone; texts or conversations
/// @param value how much better the chosen one is (its margin), or the label: 1 good, 0 bad
record ComparedAnswers(List<Content> answers, double value) {
  /// What the row looked like.
  DataShape shape() {
    return answers.size() == 2 ? DataShape.PREFERENCE : DataShape.UNPAIRED_PREFERENCE;
  }
}
