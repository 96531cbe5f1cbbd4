package dev.nudge.cli.models;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.HubNames;
import dev.nudge.cli.console.HubProgress;
import dev.nudge.cli.console.Verb;
import dev.nudge.hub.HubFiles;
import dev.nudge.hub.RepoName;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.Setting;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// `nudge models pull`: fetches models into the hub's cache.
public record ModelsPullVerb() implements Verb<ModelsPullVerb.Settings> {
  static final String NAME = "a model or an adapter of the hub: org/name, or org/name@REVISION";

  /// The flags of `nudge models pull`.
  record Settings(
      @Setting(help = NAME, label = "NAME", operand = true, required = true) List<String> name) {}

  @Override
  public About<Settings> about() {
    return new About<>(
        "models pull", "fetches models of the hub into its cache on this machine", Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    List<RepoName> names = settings.name().stream().map(RepoName::parse).toList();
    List<Map<String, Object>> pulled = new ArrayList<>();
    for (RepoName name : names) {
      HubFiles files = HubNames.hub(console).pull(name, new HubProgress(console));
      console.result(
          "%s  %s  %s  %s"
              .formatted(
                  name, files.commit().substring(0, 7), Bytes.shown(files.bytes()), files.place()));
      pulled.add(
          Map.of(
              "name",
              name.toString(),
              "commit",
              files.commit(),
              "bytes",
              files.bytes(),
              "path",
              files.place().toString()));
    }
    console.object(Map.of("models", pulled));
    return ExitCode.DONE;
  }
}
