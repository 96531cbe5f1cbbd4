package dev.nudge.cli.train;

import dev.nudge.cli.SweepCommand;
import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.HubNames;
import dev.nudge.cli.console.ProgressLine;
import dev.nudge.cli.console.RunFile;
import dev.nudge.cli.console.Signals;
import dev.nudge.cli.console.TextTable;
import dev.nudge.cli.console.Verb;
import dev.nudge.eval.sweep.Leaderboard;
import dev.nudge.eval.sweep.Sweep;
import dev.nudge.registry.Named;
import dev.nudge.registry.Version;
import dev.nudge.settings.Schema;
import dev.nudge.settings.train.SweepSettings;
import dev.nudge.settings.train.TrainSettings;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// `nudge sweep`: tries many settings on a base; compatible runs share the base's passes.
///
/// @param runner runs the sweep
public record SweepVerb(Runner runner) implements Verb<SweepSettings> {

  /// The library function that this verb calls.
  public interface Runner extends SweepCommand.Sweeps {}

  @Override
  public About<SweepSettings> about() {
    return new About<>(
        "sweep", "tries many settings, those of one base in the same passes", SweepSettings.class);
  }

  @Override
  public int run(SweepSettings settings, Console console) {
    Map<String, ? extends @Nullable Object> document =
        RunFile.read("FILE", settings.file()).values();
    SweepBoard board =
        new SweepBoard(console.messages(), ProgressLine.style(console), System::nanoTime);
    Schema<TrainSettings> schema = Schema.of(TrainSettings.class);
    Sweep.Result result;
    int code;
    try (HubNames names = HubNames.of(console);
        Signals signals =
            Signals.catching(
                () -> console.note("\nstopping after this step; again to stop at once"))) {
      result =
          runner.run(
              settings,
              document,
              run -> Named.in(names.in(schema, run, HubNames.Part.WEIGHTS)),
              board,
              signals::stopped);
      code = result.stopped() ? signals.exitCode() : ExitCode.DONE;
    }
    result.plan().forEach(console::result);
    Leaderboard leaderboard = result.leaderboard();
    if (leaderboard != null) {
      TextTable.lines(table(leaderboard)).forEach(console::result);
    }
    console.object(result.values());
    Version pushed = result.pushed();
    if (pushed != null) {
      console.note("registered as " + pushed.shown());
    }
    if (result.stopped()) {
      console.note("stopped; the same command with --resume goes on from there");
    }
    return code;
  }

  private static List<List<String>> table(Leaderboard leaderboard) {
    List<List<String>> rows = new ArrayList<>();
    rows.add(
        List.of(
            "setting",
            "rate",
            leaderboard.title() + leaderboard.shownOn(),
            "above the best, 95 %",
            "steps",
            ""));
    for (Leaderboard.Row row : leaderboard.rows()) {
      rows.add(
          List.of(
              row.name(),
              row.shownRate(),
              row.shownScore(),
              row.shownDifference(),
              Integer.toString(row.steps()),
              row.shownEnd()));
    }
    return rows;
  }
}
