package dev.nudge.cli;

import dev.nudge.settings.ServeSettings;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// `nudge experiments list`: the experiments of a server, a line each.
record ExperimentsListVerb() implements Verb<ExperimentsListVerb.Settings> {

  /// The flags of `nudge experiments list`.
  record Settings(
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
    return "experiments list";
  }

  @Override
  public String summary() {
    return "lists the experiments of a server: state, verdict, units";
  }

  @Override
  public Class<Settings> settings() {
    return Settings.class;
  }

  @Override
  public int run(Settings settings, Console console) {
    JsonNode list =
        ExperimentsAt.of(
                settings.server(), settings.adminKeyFile(), settings.store(), console::note)
            .list();
    if (list.path("data").isEmpty()) {
      console.note("there is no experiment; nudge experiments create begins one");
    } else {
      ExperimentText.list(list.path("data")).forEach(console::result);
    }
    console.object(list);
    return ExitCode.DONE;
  }
}
