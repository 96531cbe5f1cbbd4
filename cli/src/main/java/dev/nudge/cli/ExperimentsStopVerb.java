package dev.nudge.cli;

import dev.nudge.settings.ServeSettings;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// `nudge experiments stop`: ends an experiment.
record ExperimentsStopVerb() implements Verb<ExperimentsStopVerb.Settings> {

  /// The flags of `nudge experiments stop`.
  ///
  /// @param arm null: the first
  record Settings(
      @Setting(help = ExperimentsAt.NAME, label = "NAME", operand = true, required = true)
          String experiment,
      @Setting(
              help = "arm that answers to the experiment's name from now on (default: the first)",
              label = "ARM")
          @Nullable String arm,
      @Setting(help = "why, for the record", byDefault = "stopped by hand") String reason,
      @Setting(
              help = ExperimentsAt.SERVER,
              byDefault = ServeSettings.URL,
              unless = "store",
              label = "URL")
          @Nullable String server,
      @Setting(help = ExperimentsAt.KEY, label = "FILE") @Nullable Path adminKeyFile,
      @Setting(
              help =
                  "the folder of nudge serve --experiments, while it does not run, instead of"
                      + " --server",
              label = "FOLDER")
          @Nullable Path store) {}

  @Override
  public String name() {
    return "experiments stop";
  }

  @Override
  public String summary() {
    return "ends an experiment; its name stands for one arm then";
  }

  @Override
  public Class<Settings> settings() {
    return Settings.class;
  }

  @Override
  public int run(Settings settings, Console console) {
    JsonNode report =
        ExperimentsAt.of(
                settings.server(), settings.adminKeyFile(), settings.store(), console::note)
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
