package dev.nudge.cli;

import dev.nudge.settings.ServeSettings;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// `nudge experiments show`: everything of one experiment.
record ExperimentsShowVerb() implements Verb<ExperimentsShowVerb.Settings> {

  /// The flags of `nudge experiments show`.
  record Settings(
      @Setting(help = ExperimentsAt.NAME, label = "NAME", operand = true, required = true)
          String experiment,
      @Setting(
              help = ExperimentsAt.SERVER,
              byDefault = ServeSettings.URL,
              unless = "store",
              label = "URL")
          @Nullable String server,
      @Setting(help = ExperimentsAt.KEY, label = "FILE") @Nullable Path adminKeyFile,
      @Setting(help = ExperimentsAt.STORE, label = "FOLDER") @Nullable Path store) {}

  @Override
  public String name() {
    return "experiments show";
  }

  @Override
  public String summary() {
    return "shows everything of one experiment: verdict, arms, intervals, guardrails";
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
            .show(settings.experiment());
    ExperimentText.whole(report).forEach(console::result);
    console.object(report);
    return ExitCode.DONE;
  }
}
