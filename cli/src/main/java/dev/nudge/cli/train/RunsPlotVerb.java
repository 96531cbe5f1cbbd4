package dev.nudge.cli.train;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Verb;
import dev.nudge.curves.Curves;
import dev.nudge.curves.LossSvg;
import dev.nudge.runs.RunExport;
import dev.nudge.runs.StoredRun;
import dev.nudge.settings.Count;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// `nudge runs plot`: draws the loss curves of runs as one SVG.
///
/// @param stores opens the runs
public record RunsPlotVerb(RunStores stores) implements Verb<RunsPlotVerb.Settings> {

  /// The flags of `nudge runs plot`.
  record Settings(
      @Setting(help = RunStores.RUN, label = "RUN", operand = true, required = true)
          List<String> run,
      @Setting(help = RunStores.ROOTS, label = "FOLDER") List<String> runs,
      @Setting(help = "SVG file to draw", label = "FILE", required = true) Path out,
      @Setting(help = "replace that file") boolean overwrite) {}

  @Override
  public About<Settings> about() {
    return new About<>("runs plot", "draws the losses of runs as an SVG", Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    List<StoredRun> runs = stores.under(settings.runs(), console::warn).open(settings.run());
    RunExport.file("--out", settings.out(), LossSvg.of(curves(runs)), settings.overwrite());
    console.note(settings.out() + ": " + Count.of(runs.size(), "run"));
    console.object(
        Map.of(
            "out",
            settings.out().toString(),
            "runs",
            runs.stream().map(run -> run.summary().id()).toList()));
    return ExitCode.DONE;
  }

  /// Returns the curves by folder name; with the run id if two names are equal.
  static List<Curves> curves(List<StoredRun> runs) {
    List<String> names = runs.stream().map(run -> run.summary().name()).toList();
    List<Curves> curves = new ArrayList<>();
    for (StoredRun run : runs) {
      String name = run.summary().name();
      boolean shared = names.indexOf(name) != names.lastIndexOf(name);
      curves.add(Curves.of(shared ? name + " " + run.summary().id() : name, run.metrics()));
    }
    return curves;
  }
}
