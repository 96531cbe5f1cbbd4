package dev.nudge.cli;

import dev.nudge.format.Json;
import dev.nudge.registry.Adapter;
import dev.nudge.registry.Reference;
import dev.nudge.registry.Registry;
import dev.nudge.registry.Version;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// `nudge adapters show`: prints an adapter or a version.
record AdaptersShowVerb() implements Verb<AdaptersShowVerb.Settings> {

  private static final int KEY = 28; // columns of a name

  /// The flags of `nudge adapters show`.
  record Settings(
      @Setting(
              help = "an adapter, or a version: NAME@ALIAS, NAME:VERSION, NAME@sha256:…",
              label = "NAME",
              operand = true,
              required = true)
          String name,
      @Setting(help = Registries.REGISTRY, label = "FOLDER") @Nullable Path registry) {}

  @Override
  public About<Settings> about() {
    return new About<>(
        "adapters show",
        "shows an adapter with its versions, or everything of one version",
        Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    Registry registry = Registries.open(settings.registry());
    if (!Reference.meansVersion(settings.name())) {
      Adapter adapter = registry.adapter(Reference.checked("NAME", settings.name()));
      table(registry, adapter).forEach(console::result);
      adapter
          .protections()
          .forEach(
              one -> console.result(Registries.guarded(adapter.name(), one.alias(), one.policy())));
      console.object(Registries.values(registry, adapter));
      return ExitCode.DONE;
    }
    Version version = registry.find(Reference.parse(settings.name()));
    Map<String, @Nullable Object> values = Registries.values(registry, version);
    JsonNode lineage = registry.lineage(version);
    values.put("lineage", lineage.isObject() ? lineage : null);
    values.forEach((key, value) -> line(console, key, value));
    console.object(values);
    return ExitCode.DONE;
  }

  private static List<String> table(Registry registry, Adapter adapter) {
    List<List<String>> rows = new ArrayList<>();
    rows.add(
        List.of(
            "VERSION", "STATE", "ALIASES", "RANK", "SIZE", "DIGEST", "BASE", "PUSHED", "BY",
            "WHY"));
    for (Version version : adapter.versions()) {
      List<String> aliases =
          adapter.aliasesOf(version).stream().map(a -> a + Registries.mark(adapter, a)).toList();
      String why = version.pushed().why();
      rows.add(
          List.of(
              version.shown(),
              version.state().word(),
              aliases.isEmpty() ? "-" : String.join(" ", aliases),
              Integer.toString(version.rank()),
              Bytes.shown(version.bytes()),
              Registries.shown(version.digest()),
              registry.shownBase(version),
              version.pushed().at().toString(),
              version.pushed().by(),
              why == null ? "-" : why));
    }
    return TextTable.lines(rows);
  }

  /// Prints a value, or the nested values of an object under dotted keys.
  private static void line(Console console, String key, @Nullable Object value) {
    if (value instanceof JsonNode node && node.isObject()) {
      node.properties().forEach(e -> line(console, key + "." + e.getKey(), e.getValue()));
    } else if (value != null) {
      String text = value instanceof JsonNode node && node.isString() ? node.asString() : null;
      console.result(
          key
              + " ".repeat(Math.max(1, KEY - key.length()))
              + (text != null ? text : value instanceof String s ? s : Json.line(value)));
    }
  }
}
