package dev.nudge.cli;

import dev.nudge.data.DataStats;
import dev.nudge.settings.DataSettings;
import dev.nudge.settings.Group;
import java.util.function.LongConsumer;

/// `nudge data stats`: counts, lengths and warnings of a whole data set, without a model.
///
/// @param reader the library's reading
record DataStatsVerb(Reader reader) implements Verb<DataStatsVerb.Settings> {

  /// What the command wants of the library.
  interface Reader {
    /// Reads all rows.
    ///
    /// @param read told how many rows were read, now and then
    DataStats stats(DataSettings data, LongConsumer read);
  }

  /// The flags of `nudge data stats`.
  record Settings(@Group("Data") DataSettings data) {}

  @Override
  public String name() {
    return "data stats";
  }

  @Override
  public String summary() {
    return "says what a data set holds: rows, shapes, lengths, what is wrong with them";
  }

  @Override
  public Class<Settings> settings() {
    return Settings.class;
  }

  @Override
  public int run(Settings settings, Console console) {
    LiveLine line = new LiveLine(console.messages(), Progress.style(console), System::nanoTime, "");
    DataStats stats =
        reader.stats(
            settings.data(), rows -> line.draw(String.format("%,d rows", rows), false, false));
    line.clear();
    stats.lines().forEach(console::result);
    console.object(stats.values());
    return ExitCode.DONE;
  }
}
