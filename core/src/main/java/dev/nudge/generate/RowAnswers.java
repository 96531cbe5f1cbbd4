package dev.nudge.generate;

import dev.nudge.data.PromptRow;
import dev.nudge.settings.SamplingSettings;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Asks a model the questions of rows, as `generate` does without a flag of sampling.
public final class RowAnswers {
  private RowAnswers() {}

  /// An answer and what its row expects.
  ///
  /// @param index of the row, from 0, bad rows counted
  /// @param line number of the line in its file, from 1
  /// @param prompt as the row has it; of a conversation the message that is answered
  /// @param answer what `generate` gives as `completion`
  public record Row(
      int index, String file, int line, String prompt, String expected, String answer) {}

  /// Answers questions by the adapter that is in use.
  ///
  /// @param turnEnd a token that ends an answer too: that of the chat template; null: none
  public static List<Row> of(
      Session session, List<PromptRow> questions, @Nullable Integer turnEnd) {
    List<Row> rows = new ArrayList<>();
    new Generation(session, SamplingSettings.greedy(), turnEnd)
        .completeAll(
            questions.stream().map(PromptRow::prompt).toList(),
            (completion, i) -> {
              PromptRow question = questions.get(i);
              rows.add(
                  new Row(
                      question.index(),
                      question.file().toString(),
                      question.line(),
                      question.asked(),
                      question.expected(),
                      completion.text()));
            });
    return rows;
  }
}
