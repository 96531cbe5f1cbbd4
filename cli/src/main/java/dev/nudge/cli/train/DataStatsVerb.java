package dev.nudge.cli.train;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.HubNames;
import dev.nudge.cli.console.LiveLine;
import dev.nudge.cli.console.ProgressLine;
import dev.nudge.cli.console.Verb;
import dev.nudge.data.DataStats;
import dev.nudge.settings.Group;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Setting;
import dev.nudge.settings.train.EvalSettings;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.EvalSplit;
import java.nio.file.Path;
import java.util.Locale;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/// `nudge data stats`: counts, lengths and warnings of a whole dataset.
///
/// @param reader reads the rows
public record DataStatsVerb(Reader reader) implements Verb<DataStatsVerb.Settings> {

  /// The library function that this verb calls.
  public interface Reader {
    /// Reads all rows.
    ///
    /// @param model model whose tokenizer counts tokens; null: tokens are not counted
    /// @param read receives the number of rows read, at intervals
    DataStats stats(DataSettings data, EvalSettings eval, @Nullable Path model, LongConsumer read);
  }

  /// The flags of `nudge data stats`.
  record Settings(
      @Group("Data") DataSettings data,
      @Setting(
              help = "file, folder or glob of held-out rows, with which the rows are compared",
              label = "FILE",
              names = Setting.Names.DATA)
          @Nullable String evalData,
      @Setting(
              help = "hold out a split of --data by its name, such as test, and compare with it",
              label = "SPLIT")
          @Nullable EvalSplit evalSplit,
      @Setting(
              help = "model whose tokenizer counts tokens: a folder, or org/name of the hub",
              label = "FOLDER|NAME",
              names = Setting.Names.MODEL)
          @Nullable Path model) {

    Settings {
      eval(evalData, evalSplit);
      if (data.shape().template() != null) {
        throw new InputException(
            "--template is given, and data stats counts rows as they stand; leave it out, or look"
                + " at them by data preview");
      }
      if (evalSplit != null && !(evalSplit instanceof EvalSplit.Named)) {
        throw new InputException(
            "--eval-split %s: a share is cut off when a run begins; give the name of a split, or leave it out"
                .formatted(evalSplit));
      }
    }

    static EvalSettings eval(@Nullable String data, @Nullable EvalSplit split) {
      return new EvalSettings(data, split, null);
    }
  }

  @Override
  public About<Settings> about() {
    return new About<>(
        "data stats",
        "says what a data set holds: rows, shapes, lengths, what is wrong with them",
        Settings.class);
  }

  @Override
  public HubNames.Part needs(Settings settings) {
    return HubNames.Part.TOKENIZER;
  }

  @Override
  public int run(Settings settings, Console console) {
    LiveLine line =
        new LiveLine(console.messages(), ProgressLine.style(console), System::nanoTime, "");
    DataStats stats =
        reader.stats(
            settings.data(),
            Settings.eval(settings.evalData(), settings.evalSplit()),
            settings.model(),
            rows -> line.draw(String.format(Locale.ROOT, "%,d rows", rows), false, false));
    line.clear();
    stats.lines().forEach(console::result);
    console.object(stats.values());
    return ExitCode.DONE;
  }
}
