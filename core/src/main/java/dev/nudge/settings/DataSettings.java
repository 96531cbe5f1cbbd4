package dev.nudge.settings;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// Where rows come from and how a row becomes a prompt and a completion.
///
/// @param data files or globs, in order
/// @param prompt pattern over a row's columns; null: the column `prompt`
/// @param completion pattern over a row's columns; null: the column `completion`
public record DataSettings(
    @Setting(
            help = "JSONL file or glob of rows; may be given several times",
            required = true,
            label = "FILE")
        List<String> data,
    @Setting(
            help = "pattern of the prompt over a row's columns, such as 'Query: {text}\\nIntent:'",
            label = "PATTERN")
        @Nullable String prompt,
    @Setting(help = "pattern of the completion, such as ' {label}'", label = "PATTERN")
        @Nullable String completion,
    @Setting(help = "set bad rows aside and count them, instead of refusing the data")
        boolean skipBadRows) {

  public DataSettings {
    data = List.copyOf(data);
    if (data.isEmpty()) {
      throw new InputException("--data is missing; it is required");
    }
    data.forEach(file -> Check.notBlank("--data", file));
    Check.notEmpty("--completion", completion);
  }
}
