package dev.nudge.cli.train;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.LiveLine;
import dev.nudge.cli.console.ProgressLine;
import dev.nudge.cli.console.Signals;
import dev.nudge.cli.console.Verb;
import dev.nudge.data.TestRows;
import dev.nudge.settings.Count;
import dev.nudge.settings.verb.DataSplitSettings;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/// `nudge data split`: splits held-out test rows off a dataset before training.
public record DataSplitVerb() implements Verb<DataSplitSettings> {

  @Override
  public About<DataSplitSettings> about() {
    return new About<>(
        "data split",
        "takes the rows of a test out of a data set, before anything is trained",
        DataSplitSettings.class);
  }

  @Override
  public int run(DataSplitSettings settings, Console console) {
    LiveLine line =
        new LiveLine(console.messages(), ProgressLine.style(console), System::nanoTime, "");
    try (Signals signals = Signals.catching(() -> console.note("\nstopping"))) {
      TestRows.Written written =
          TestRows.write(
              settings,
              rows -> line.draw(String.format(Locale.ROOT, "%,d rows", rows), false, false),
              signals::stopped);
      line.clear();
      if (written == null) {
        return signals.exitCode();
      }
      tell(settings, written, console);
      return ExitCode.DONE;
    }
  }

  private static void tell(DataSplitSettings settings, TestRows.Written written, Console console) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("train", file(settings, TestRows.TRAIN));
    values.put("train_rows", written.train());
    values.put("test", file(settings, TestRows.TEST));
    values.put("test_rows", written.test());
    console.result(shown(settings, TestRows.TRAIN, written.train()));
    console.result(shown(settings, TestRows.TEST, written.test()));
    console.object(values);
  }

  private static String file(DataSplitSettings settings, String name) {
    return settings.out().resolve(name).toString();
  }

  private static String shown(DataSplitSettings settings, String name, int rows) {
    return file(settings, name) + ": " + Count.of(rows, "row");
  }
}
