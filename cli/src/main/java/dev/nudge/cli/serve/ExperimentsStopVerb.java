package dev.nudge.cli.serve;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Verb;
import dev.nudge.settings.Group;
import dev.nudge.settings.Setting;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// `nudge experiments stop`: stops an experiment.
public record ExperimentsStopVerb() implements Verb<ExperimentsStopVerb.Settings> {

  /// The flags of `nudge experiments stop`.
  ///
  /// @param arm the arm that stays; null: the first
  record Settings(
      @Setting(help = ExperimentsAt.NAME, label = "NAME", operand = true, required = true)
          String experiment,
      @Setting(
              help = "arm that answers to the experiment's name from now on (default: the first)",
              label = "ARM")
          @Nullable String arm,
      @Setting(help = "why, for the record", byDefault = "stopped by hand") String reason,
      @Group("") ExperimentsAt.ServerFlags where) {}

  @Override
  public About<Settings> about() {
    return new About<>(
        "experiments stop", "ends an experiment; its name stands for one arm then", Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    JsonNode report =
        settings
            .where()
            .open(console::note)
            .stop(settings.experiment(), settings.arm(), settings.reason());
    console.note(
        settings.experiment()
            + " is stopped; "
            + report.at("/stopped/arm").asString("its first arm")
            + " answers to its name");
    console.object(report);
    return ExitCode.DONE;
  }
}
