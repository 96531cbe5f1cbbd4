package dev.nudge.cli.models;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.HubNames;
import dev.nudge.cli.console.HubProgress;
import dev.nudge.cli.console.Verb;
import dev.nudge.hub.CachedModel;
import dev.nudge.hub.Hub;
import dev.nudge.hub.RepoName;
import dev.nudge.settings.Count;
import dev.nudge.settings.Setting;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// `nudge models verify`: compares files of the hub's cache with their digests.
public record ModelsVerifyVerb() implements Verb<ModelsVerifyVerb.Settings> {

  /// The flags of `nudge models verify`.
  record Settings(
      @Setting(help = ModelsPullVerb.NAME, label = "NAME", operand = true, required = true)
          List<String> name) {}

  @Override
  public About<Settings> about() {
    return new About<>(
        "models verify",
        "reads what the cache holds of a model and compares every file with its digest",
        Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    Hub hub = HubNames.hub(console);
    List<CachedModel> models =
        settings.name().stream().map(name -> hub.find(RepoName.parse(name))).toList();
    Map<String, List<String>> wrong = new LinkedHashMap<>();
    HubProgress progress = new HubProgress(console, "reading", System::nanoTime);
    for (CachedModel model : models) {
      List<String> found = hub.verify(model, progress);
      progress.end();
      wrong.put(model.name().toString(), found);
      found.forEach(line -> console.result(model.name() + ": " + line));
      if (found.isEmpty()) {
        console.result(model.name() + ": every file is as the hub lists it");
      }
    }
    console.object(Map.of("wrong", wrong));
    long files = wrong.values().stream().mapToLong(List::size).sum();
    if (files > 0) {
      console.refuse(
          Count.of(files, "file", "is", "are")
              + " not as the hub has it; nudge models rm NAME --yes, then models pull NAME");
      return ExitCode.FAILED;
    }
    return ExitCode.DONE;
  }
}
