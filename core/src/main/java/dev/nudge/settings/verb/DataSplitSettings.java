package dev.nudge.settings.verb;

import dev.nudge.settings.Check;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import java.util.List;

/// Settings of the `data split` command.
///
/// @param data files or globs, in order
/// @param test share of the rows that becomes the test set
/// @param out folder for the two files
public record DataSplitSettings(
    @Setting(help = DataSettings.ROWS, required = true, label = "FILE", names = Setting.Names.DATA)
        List<String> data,
    @Setting(
            help =
                "rows of the test: a share by a hash of the row (0.1), or of a column whose values"
                    + " stay together (0.1:customer_id)",
            required = true,
            label = "SHARE")
        TestShare test,
    @Setting(help = "folder for train.jsonl and test.jsonl", required = true, label = "FOLDER")
        Path out,
    @Setting(help = "replace the two files where they are there") boolean overwrite) {

  public DataSplitSettings {
    data = List.copyOf(data);
    Check.files("--data", data);
  }
}
