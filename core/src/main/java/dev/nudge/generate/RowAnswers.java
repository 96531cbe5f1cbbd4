package dev.nudge.generate;

import dev.nudge.data.PromptRow;
import dev.nudge.settings.verb.SamplingSettings;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Generates a greedy answer to each row's prompt, as `generate` does by default.
public final class RowAnswers {
  private RowAnswers() {}

  /// A row's prompt, its expected answer and the model's answer.
  ///
  /// @param index index of the row, from 0, bad rows counted
  /// @param line number of the line in its file, from 1
  /// @param prompt the prompt as the row has it; for a conversation the message that is answered
  /// @param answer the completion that `generate` gives
  public record Row(
      int index, String file, int line, String prompt, String expected, String answer) {}

  /// Answers the rows' prompts with the adapter that is switched on.
  ///
  /// @param turnEnd the chat template's end-of-turn token, which ends an answer too; null: none
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
