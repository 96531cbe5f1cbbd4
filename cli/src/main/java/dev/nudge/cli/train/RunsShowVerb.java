package dev.nudge.cli.train;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Plots;
import dev.nudge.cli.console.Terminal;
import dev.nudge.cli.console.Verb;
import dev.nudge.curves.LossText;
import dev.nudge.runs.RunColumn;
import dev.nudge.runs.RunComparison;
import dev.nudge.runs.RunStatus;
import dev.nudge.runs.RunSummary;
import dev.nudge.runs.StoredRun;
import dev.nudge.settings.Setting;
import dev.nudge.train.ExpertUse;
import java.util.List;
import java.util.Locale;
import tools.jackson.databind.JsonNode;

/// `nudge runs show`: prints settings, metrics and state of one run.
///
/// @param stores opens the runs
public record RunsShowVerb(RunStores stores) implements Verb<RunsShowVerb.Settings> {
  private static final int KEY = 28; // columns of a name

  /// The flags of `nudge runs show`.
  record Settings(
      @Setting(help = RunStores.RUN, label = "RUN", operand = true, required = true) String run,
      @Setting(help = RunStores.ROOTS, label = "FOLDER") List<String> runs) {}

  @Override
  public About<Settings> about() {
    return new About<>(
        "runs show",
        "shows everything of one run: settings, digests, machine, losses, files",
        Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    StoredRun run = stores.under(settings.runs(), console::warn).open(settings.run());
    RunSummary summary = run.summary();
    line(console, "folder", run.folder().toString());
    for (RunColumn column : RunColumn.values()) {
      String remark =
          column == RunColumn.STATE && summary.state() == RunStatus.KILLED
              ? ": it says running, and no process has its folder"
              : column == RunColumn.STATE && run.failure() != null ? ": " + run.failure() : "";
      line(console, column.word(), RunTable.cell(column, summary) + remark);
    }
    line(console, "machine", run.run().path("machine").asString("-"));
    for (String part :
        List.of("settings", "data", "quantization", "digests", "versions", "totals", "plan")) {
      section(console, part, run.run().path(part));
    }
    ExpertUse experts = ExpertUse.of(run.run().path("experts"));
    if (experts != null) {
      console.result("");
      console.result("experts");
      experts.lines().forEach(each -> console.result("  " + each));
    }
    console.result("");
    console.result("files");
    run.artefacts()
        .forEach(
            (name, bytes) ->
                line(console, "  " + name, String.format(Locale.ROOT, "%,d bytes", bytes)));
    console.result("");
    LossText.of(List.of(run.curves()), Terminal.showsUnicode(), Plots.width(), Plots.LARGE)
        .forEach(console::result);
    console.object(run.values());
    return ExitCode.DONE;
  }

  private static void section(Console console, String name, JsonNode values) {
    if (values.isObject() && !values.isEmpty()) {
      console.result("");
      console.result(name);
      values.properties().forEach(entry -> nested(console, entry.getKey(), entry.getValue()));
    }
  }

  /// Prints a value, or the nested values of an object under dotted keys; unset values are omitted.
  private static void nested(Console console, String key, JsonNode value) {
    if (value.isObject()) {
      value
          .properties()
          .forEach(entry -> nested(console, key + "." + entry.getKey(), entry.getValue()));
    } else if (!value.isNull()) {
      line(console, "  " + key, RunComparison.shown(value));
    }
  }

  private static void line(Console console, String key, String value) {
    console.result(key + " ".repeat(Math.max(1, KEY - key.length())) + value);
  }
}
