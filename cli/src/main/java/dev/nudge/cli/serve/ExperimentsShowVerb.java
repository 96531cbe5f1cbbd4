package dev.nudge.cli.serve;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Verb;
import dev.nudge.settings.Group;
import dev.nudge.settings.Setting;
import tools.jackson.databind.JsonNode;

/// `nudge experiments show`: prints the full report of one experiment.
public record ExperimentsShowVerb() implements Verb<ExperimentsShowVerb.Settings> {

  /// The flags of `nudge experiments show`.
  record Settings(
      @Setting(help = ExperimentsAt.NAME, label = "NAME", operand = true, required = true)
          String experiment,
      @Group("") ExperimentsAt.ServerFlags where) {}

  @Override
  public About<Settings> about() {
    return new About<>(
        "experiments show",
        "shows everything of one experiment: verdict, arms, intervals, guardrails",
        Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    JsonNode report = settings.where().open(console::note).show(settings.experiment());
    ExperimentText.whole(report).forEach(console::result);
    console.object(report);
    return ExitCode.DONE;
  }
}
