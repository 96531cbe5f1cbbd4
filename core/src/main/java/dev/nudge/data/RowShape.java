package dev.nudge.data;

import dev.nudge.settings.DataSettings;
import dev.nudge.settings.InputException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Finds in a row what is shown and what is trained.
///
/// With a pattern a row is prompt + completion; the one without a pattern is the column of that
/// name. Without patterns the row's columns decide: prompt + completion, else text. A column that
/// is null counts as absent for this choice.
final class RowShape {

  /// The content of a row: a prompt with its completion, or a text.
  sealed interface Content {
    record Answer(String prompt, String completion) implements Content {}

    record Text(String text) implements Content {}
  }

  private final boolean fixed;
  private final RowPattern prompt;
  private final RowPattern completion;

  private RowShape(boolean fixed, RowPattern prompt, RowPattern completion) {
    this.fixed = fixed;
    this.prompt = prompt;
    this.completion = completion;
  }

  /// @throws InputException where a pattern is broken, or names no column to learn from
  static RowShape of(DataSettings data) {
    RowPattern completion = pattern("--completion", data.completion(), "{completion}");
    if (completion.columns().isEmpty()) {
      throw new InputException(
          "--completion '%s' names no column, so all rows would have one answer; a column stands in braces: --completion '{%s}'"
              .formatted(completion, completion.toString().strip()));
    }
    return new RowShape(
        data.prompt() != null || data.completion() != null,
        pattern("--prompt", data.prompt(), "{prompt}"),
        completion);
  }

  private static RowPattern pattern(String knob, @Nullable String given, String byDefault) {
    return RowPattern.parse(knob, given == null ? byDefault : given);
  }

  Content content(Row row) throws BadRowException {
    boolean answer = fixed || row.has("prompt") && row.has("completion");
    if (!answer && row.has("text")) {
      return new Content.Text(full("text", row.text("text")));
    }
    if (!answer && !row.names().contains("prompt") && !row.names().contains("completion")) {
      throw noShape(row);
    }
    String shown = prompt.render(row);
    return new Content.Answer(shown, full("completion", completion.render(row)));
  }

  /// The columns that a row's prompt is made of.
  List<String> promptColumns(Content content) {
    return content instanceof Content.Answer ? prompt.columns() : List.of();
  }

  /// The columns that what is trained is made of.
  List<String> trainedColumns(Content content) {
    return content instanceof Content.Answer ? completion.columns() : List.of("text");
  }

  /// Returns the prompt alone, for rows whose completion is still to be made.
  String prompt(Row row) throws BadRowException {
    if (!fixed && !row.has("prompt") && row.has("messages")) {
      throw messages();
    }
    return prompt.render(row);
  }

  private static BadRowException noShape(Row row) {
    if (row.names().contains("messages")) {
      return messages();
    }
    if (row.names().contains("text")) {
      return new BadRowException("column 'text' is null");
    }
    String missing = "neither 'prompt' and 'completion' nor 'text'";
    return new BadRowException(
        missing
            + "; "
            + row.columns()
            + "; name them in braces, such as --prompt '{question}' --completion ' {answer}'",
        missing);
  }

  private static BadRowException messages() {
    return new BadRowException(
        "'messages' rows are not supported yet; supported are prompt + completion and text");
  }

  private static String full(String name, String text) throws BadRowException {
    if (text.isEmpty()) {
      throw new BadRowException("the " + name + " is empty");
    }
    return text;
  }
}
