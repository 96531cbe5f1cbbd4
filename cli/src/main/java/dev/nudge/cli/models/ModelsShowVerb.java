package dev.nudge.cli.models;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.HubNames;
import dev.nudge.cli.console.HubProgress;
import dev.nudge.cli.console.Verb;
import dev.nudge.hub.CachedModel;
import dev.nudge.hub.Hub;
import dev.nudge.hub.HubFiles;
import dev.nudge.hub.RepoName;
import dev.nudge.machine.Machine;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.Setting;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// `nudge models show`: describes a model of the hub, and whether this machine can train it. If it
/// is not in the cache, its headers are downloaded.
///
/// @param machine resources of this machine
public record ModelsShowVerb(Supplier<Machine> machine) implements Verb<ModelsShowVerb.Settings> {

  /// The flags of `nudge models show`.
  record Settings(
      @Setting(help = ModelsPullVerb.NAME, label = "NAME", operand = true, required = true)
          String name) {}

  @Override
  public About<Settings> about() {
    return new About<>(
        "models show",
        "says what a model of the hub is, and what training it takes, before it is fetched",
        Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    RepoName name = RepoName.parse(settings.name(), RepoName.Kind.MODEL);
    Hub hub = HubNames.hub(console);
    HubFiles here = hub.cached(name);
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    values.put("name", name.toString());
    if (here == null) {
      HubNames.Headers headers = HubNames.Headers.of(hub, name, false, new HubProgress(console));
      try {
        Hub.Headers about = headers.about();
        put(values, about.commit(), about.licence(), about.all(), null);
        values.put("gated", about.gated());
        values.put("fetched_bytes", about.fetched());
        TrainingNeed.of(about.place()).put(values, memory());
      } finally {
        Hub.deleteHeaders(headers.root());
      }
    } else {
      CachedModel model = hub.find(name);
      put(values, model.commit(), model.licence(), model.bytes(), here.place().toString());
      TrainingNeed.of(here.place()).put(values, memory());
    }
    values.forEach((key, value) -> console.result(line(key, value)));
    console.object(values);
    return ExitCode.DONE;
  }

  private long memory() {
    return machine.get().memoryBytes();
  }

  private static void put(
      Map<String, @Nullable Object> values,
      String commit,
      @Nullable String licence,
      long bytes,
      @Nullable String path) {
    values.put("commit", commit);
    values.put("licence", licence);
    values.put("bytes", bytes);
    values.put("path", path);
  }

  private static String line(String key, @Nullable Object value) {
    String shown =
        value instanceof Long bytes && key.endsWith("bytes")
            ? Bytes.shown(bytes)
            : String.valueOf(Objects.requireNonNullElse(value, "-"));
    return "%-26s%s".formatted(key.replace("_bytes", "").replace('_', ' '), shown);
  }
}
