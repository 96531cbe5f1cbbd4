package dev.nudge.cli.models;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.HubNames;
import dev.nudge.cli.console.Verb;
import dev.nudge.hub.CachedModel;
import dev.nudge.hub.Hub;
import dev.nudge.hub.RepoName;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Setting;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// `nudge models rm`: removes models from the hub's cache.
public record ModelsRemoveVerb() implements Verb<ModelsRemoveVerb.Settings> {

  /// The flags of `nudge models rm`.
  record Settings(
      @Setting(help = ModelsPullVerb.NAME, label = "NAME", operand = true, required = true)
          List<String> name,
      @Setting(help = "remove them; without it they are named and stay") boolean yes) {}

  @Override
  public About<Settings> about() {
    return new About<>(
        "models rm",
        "removes models from the hub's cache, which other programs use too",
        Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    Hub hub = HubNames.hub(console);
    List<CachedModel> models =
        settings.name().stream().map(name -> hub.find(RepoName.parse(name))).toList();
    if (!settings.yes()) {
      throw new InputException(
          "models rm would remove %s; add --yes"
              .formatted(
                  String.join(
                      ", ",
                      models.stream()
                          .map(model -> model.folder() + " (" + Bytes.shown(model.bytes()) + ")")
                          .toList())));
    }
    List<Map<String, Object>> removed = new ArrayList<>();
    for (CachedModel model : models) {
      long freed = hub.remove(model);
      console.note("%s removed: %s are free now".formatted(model.name(), Bytes.shown(freed)));
      removed.add(
          Map.of("name", model.name().toString(), "commit", model.commit(), "bytes", freed));
    }
    console.object(Map.of("removed", removed));
    return ExitCode.DONE;
  }
}
