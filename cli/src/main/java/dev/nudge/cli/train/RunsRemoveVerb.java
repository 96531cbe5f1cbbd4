package dev.nudge.cli.train;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Verb;
import dev.nudge.runs.RunRemoval;
import dev.nudge.runs.StoredRun;
import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Setting;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// `nudge runs rm`: removes only the files that runs wrote.
///
/// @param stores opens the runs
public record RunsRemoveVerb(RunStores stores) implements Verb<RunsRemoveVerb.Settings> {

  /// The flags of `nudge runs rm`.
  record Settings(
      @Setting(help = RunStores.RUN, label = "RUN", operand = true, required = true)
          List<String> run,
      @Setting(help = RunStores.ROOTS, label = "FOLDER") List<String> runs,
      @Setting(help = "remove them; without it they are named and stay") boolean yes) {}

  @Override
  public About<Settings> about() {
    return new About<>(
        "runs rm",
        "removes runs: what nudge wrote into their folders, nothing else",
        Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    List<StoredRun> runs = stores.under(settings.runs(), console::warn).open(settings.run());
    runs.forEach(RunRemoval::check);
    if (!settings.yes()) {
      throw new InputException(
          "runs rm would remove "
              + Count.of(runs.size(), "run")
              + ": "
              + String.join(
                  ", ",
                  runs.stream().map(run -> run.folder() + " (" + megabytes(run) + ")").toList())
              + "; add --yes");
    }
    List<RunRemoval.Removed> removed = new ArrayList<>();
    for (StoredRun run : runs) {
      RunRemoval.Removed gone = RunRemoval.remove(run);
      removed.add(gone);
      console.note(
          String.format(
              Locale.ROOT,
              "%s: %s removed, %,.1f MB%s",
              gone.folder(),
              Count.of(gone.files(), "file"),
              gone.bytes() / 1e6,
              gone.kept().isEmpty()
                  ? ""
                  : "; " + Count.of(gone.kept().size(), "other name") + " stay there"));
    }
    console.object(Map.of("removed", removed));
    return ExitCode.DONE;
  }

  private static String megabytes(StoredRun run) {
    long bytes = run.artefacts().values().stream().mapToLong(Long::longValue).sum();
    return String.format(Locale.ROOT, "%,.1f MB", bytes / 1e6);
  }
}
