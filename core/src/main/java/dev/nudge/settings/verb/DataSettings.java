package dev.nudge.settings.verb;

import dev.nudge.settings.Check;
import dev.nudge.settings.Group;
import dev.nudge.settings.Setting;
import dev.nudge.settings.TrainOn;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The data files, and how a row becomes a prompt and a completion.
///
/// @param data files or globs, in order
/// @param prompt pattern over a row's columns; null: the column `prompt`
/// @param completion pattern over a row's columns; null: the column `completion`
/// @param shape the columns' roles; recognised if not set
/// @param trainOn which messages of a conversation are trained
public record DataSettings(
    @Setting(help = DataSettings.ROWS, required = true, label = "FILE", names = Setting.Names.DATA)
        List<String> data,
    @Setting(
            help = "pattern of the prompt over a row's columns, such as 'Query: {text}\\nIntent:'",
            label = "PATTERN")
        @Nullable String prompt,
    @Setting(help = "pattern of the completion, such as ' {label}'", label = "PATTERN")
        @Nullable String completion,
    @Group("Data") ShapeSettings shape,
    @Setting(help = "what of a conversation is trained", byDefault = "assistant") TrainOn trainOn,
    @Setting(help = "set bad rows aside and count them, instead of refusing the data")
        boolean skipBadRows) {

  /// The help of `--data`.
  static final String ROWS =
      "file, folder or glob of rows: JSONL, JSON, CSV, TSV, Parquet, each also with gzip, or"
          + " hf:datasets/org/name/FILE; may be given several times";

  public DataSettings {
    data = List.copyOf(data);
    Check.files("--data", data);
    Check.notEmpty("--completion", completion);
    shape.check(prompt, completion);
  }

  /// Reads the rows of files, with their shape recognised.
  public static DataSettings of(List<String> filesOrGlobs) {
    return new DataSettings(
        filesOrGlobs, null, null, ShapeSettings.RECOGNISED, TrainOn.ASSISTANT, false);
  }

  /// Copies the settings with other files.
  public DataSettings withFiles(List<String> filesOrGlobs) {
    return new DataSettings(filesOrGlobs, prompt, completion, shape, trainOn, skipBadRows);
  }

  /// Copies the settings with other patterns.
  public DataSettings withPatterns(@Nullable String prompt, @Nullable String completion) {
    return new DataSettings(data, prompt, completion, shape, trainOn, skipBadRows);
  }
}
