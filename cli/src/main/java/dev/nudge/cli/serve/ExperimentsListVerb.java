package dev.nudge.cli.serve;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Verb;
import dev.nudge.settings.Group;
import tools.jackson.databind.JsonNode;

/// `nudge experiments list`: prints the experiments of a server, one per line.
public record ExperimentsListVerb() implements Verb<ExperimentsListVerb.Settings> {

  /// The flags of `nudge experiments list`.
  record Settings(@Group("") ExperimentsAt.ServerFlags where) {}

  @Override
  public About<Settings> about() {
    return new About<>(
        "experiments list",
        "lists the experiments of a server: state, verdict, units",
        Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    JsonNode list = settings.where().open(console::note).list();
    if (list.path("data").isEmpty()) {
      console.note("there is no experiment; nudge experiments create begins one");
    } else {
      ExperimentText.list(list.path("data")).forEach(console::result);
    }
    console.object(list);
    return ExitCode.DONE;
  }
}
