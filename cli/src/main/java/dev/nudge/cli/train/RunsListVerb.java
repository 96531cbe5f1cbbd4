package dev.nudge.cli.train;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Terminal;
import dev.nudge.cli.console.Verb;
import dev.nudge.runs.RunColumn;
import dev.nudge.runs.RunFilter;
import dev.nudge.runs.RunStore;
import dev.nudge.runs.RunSummary;
import dev.nudge.settings.Setting;
import java.util.List;
import java.util.Map;

/// `nudge runs list`: prints the training runs below some folders, one per line.
///
/// @param stores opens the runs
public record RunsListVerb(RunStores stores) implements Verb<RunsListVerb.Settings> {

  /// The flags of `nudge runs list`.
  record Settings(
      @Setting(help = RunStores.ROOTS, label = "FOLDER") List<String> runs,
      @Setting(
              help =
                  "show runs that have this alone, such as state=finished or rank=16; may be given"
                      + " several times",
              label = "KEY=VALUE")
          List<String> where,
      @Setting(help = "column to sort by", byDefault = "started") RunColumn sort,
      @Setting(help = "the largest or newest first") boolean reverse) {}

  @Override
  public About<Settings> about() {
    return new About<>(
        "runs list", "lists runs: state, losses, speed, time and cost", Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    RunStore store = stores.under(settings.runs(), console::warn);
    List<RunSummary> all = store.list();
    List<RunSummary> runs =
        RunFilter.sorted(RunFilter.of(all, settings.where()), settings.sort(), settings.reverse());
    if (!runs.isEmpty()) {
      RunTable.lines(runs, Terminal.columns()).forEach(console::result);
    } else {
      console.note(
          all.isEmpty()
              ? "there is no run under " + store.shownRoots() + "; --runs looks elsewhere"
              : "no run of " + all.size() + " has " + String.join(" and ", settings.where()));
    }
    console.object(Map.of("runs", runs.stream().map(RunSummary::values).toList()));
    return ExitCode.DONE;
  }
}
