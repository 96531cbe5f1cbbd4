package dev.nudge.cli.models;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.HubNames;
import dev.nudge.cli.console.TextTable;
import dev.nudge.cli.console.Verb;
import dev.nudge.hub.CachedModel;
import dev.nudge.hub.Hub;
import dev.nudge.settings.Bytes;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// `nudge models list`: lists the models in the hub's cache on this machine.
public record ModelsListVerb() implements Verb<ModelsListVerb.Settings> {

  /// The flags of `nudge models list`: none.
  record Settings() {}

  @Override
  public About<Settings> about() {
    return new About<>(
        "models list",
        "lists what the hub's cache on this machine holds: sizes, families, licences",
        Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    Hub hub = HubNames.hub(console);
    List<CachedModel> models = hub.list();
    if (models.isEmpty()) {
      console.note(hub.settings().cache() + " holds nothing; nudge models lists models by name");
    } else {
      List<List<String>> rows = new ArrayList<>();
      rows.add(List.of("NAME", "REVISION", "SIZE", "FAMILY", "LICENCE", "WHOLE"));
      models.forEach(model -> rows.add(row(model)));
      TextTable.lines(rows).forEach(console::result);
    }
    console.object(
        Map.of(
            "cache",
            hub.settings().cache().toString(),
            "models",
            models.stream().map(ModelsListVerb::values).toList()));
    return ExitCode.DONE;
  }

  private static List<String> row(CachedModel model) {
    String commit = model.commit().substring(0, 7);
    return List.of(
        model.name().toString(),
        model.revisions().isEmpty() ? commit : String.join(", ", model.revisions()),
        Bytes.shown(model.bytes()),
        Objects.requireNonNullElse(model.modelType(), "-"),
        Objects.requireNonNullElse(model.licence(), "-"),
        model.whole() == null ? "-" : model.whole() ? "yes" : "no");
  }

  /// Converts a commit in the cache to JSON.
  static Map<String, @Nullable Object> values(CachedModel model) {
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    values.put("name", model.name().toString());
    values.put("commit", model.commit());
    values.put("revisions", model.revisions());
    values.put("bytes", model.bytes());
    values.put("model_type", model.modelType());
    values.put("licence", model.licence());
    values.put("whole", model.whole());
    values.put("path", model.folder().toString());
    return values;
  }
}
