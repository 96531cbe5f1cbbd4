package dev.nudge.cli.adapters;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.TextTable;
import dev.nudge.cli.console.Verb;
import dev.nudge.format.Json;
import dev.nudge.registry.Adapter;
import dev.nudge.registry.GateCheck;
import dev.nudge.registry.Reference;
import dev.nudge.registry.Registry;
import dev.nudge.registry.Version;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// `nudge adapters show`: prints an adapter or a version.
public record AdaptersShowVerb() implements Verb<AdaptersShowVerb.Settings> {

  private static final int KEY = 11; // columns of a name
  private static final List<String> RESULTS =
      List.of("steps", "trained_tokens", "last_loss", "eval_loss_best");
  private static final List<String> SETTINGS =
      List.of(
          "objective",
          "method",
          "variant",
          "rank",
          "alpha",
          "targets",
          "learning_rate",
          "epochs",
          "batch_size",
          "quantize",
          "seed");

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
      console.object(withGates(registry, adapter));
      return ExitCode.DONE;
    }
    Version version = registry.find(Reference.parse(settings.name()));
    Map<String, @Nullable Object> values = Registries.values(registry, version);
    JsonNode lineage = registry.lineage(version);
    values.put("lineage", lineage.isObject() ? lineage : null);
    JsonNode gate = registry.gate(version);
    values.put("gate", GateText.values(gate));
    tell(registry, version, lineage, gate, console);
    console.object(values);
    return ExitCode.DONE;
  }

  private static Map<String, @Nullable Object> withGates(Registry registry, Adapter adapter) {
    Map<String, @Nullable Object> all = Registries.values(registry, adapter);
    all.put(
        "versions",
        adapter.versions().stream()
            .map(
                version -> {
                  Map<String, @Nullable Object> values =
                      Registries.values(registry, version, adapter.aliasesOf(version));
                  values.put("gate", GateText.values(registry.gate(version)));
                  return values;
                })
            .toList());
    return all;
  }

  private static void tell(
      Registry registry, Version version, JsonNode lineage, JsonNode gate, Console console) {
    Adapter adapter = registry.adapter(version.name());
    line(console, "version", version.shown() + ", " + version.state().word());
    String aliases =
        adapter.aliasesOf(version).stream()
            .map(alias -> version.name() + "@" + alias + Registries.mark(adapter, alias))
            .collect(Collectors.joining(", "));
    line(console, "aliases", aliases.isEmpty() ? "none" : aliases);
    String why = version.pushed().why();
    line(
        console,
        "pushed",
        version.pushed().at() + " by " + version.pushed().by() + (why == null ? "" : ": " + why));
    line(console, "base", registry.bases().shown(version));
    line(console, "rank", version.rank() + ", " + Bytes.shown(version.bytes()));
    boolean foreign = version.reports().stream().anyMatch(r -> r.name().equals(GateCheck.FILE));
    String none =
        foreign
            ? "none: its gate.json judged another adapter"
            : "none: no gate.json is kept with it";
    line(console, "gate", gate.isObject() ? judged(gate) : none);
    gate.path("rules").forEach(rule -> line(console, "", rule(rule)));
    adapter.versions().stream()
        .filter(one -> one.number() < version.number() && registry.gate(one).isObject())
        .forEach(one -> line(console, "", one.shown() + ": " + GateText.line(registry.gate(one))));
    line(console, "trained", some(lineage.path("results"), RESULTS));
    line(console, "settings", some(lineage.path("settings"), SETTINGS));
    String parent = lineage.path("parent_version").asString("");
    adapter.versions().stream()
        .filter(one -> one.digest().equals(parent))
        .forEach(one -> line(console, "continues", one.shown()));
    line(console, "licence", lineage.path("licence").asString(""));
    version.reports().forEach(one -> line(console, "report", one.name() + " " + one.digest()));
    line(console, "digest", version.digest());
    line(console, "folder", version.folder().toString());
    console.note("--json prints the whole lineage");
  }

  private static String judged(JsonNode gate) {
    return GateText.line(gate)
        + ", at "
        + gate.path("at").asString("?")
        + " by "
        + gate.path("policy").asString("?");
  }

  private static String rule(JsonNode rule) {
    return "%s %s: %s"
        .formatted(
            rule.path("kind").asString("?"),
            rule.path("verdict").asString("?"),
            rule.path("sentence").asString(""));
  }

  private static String some(JsonNode object, List<String> keys) {
    return keys.stream()
        .filter(key -> object.hasNonNull(key))
        .map(key -> key.replace('_', ' ') + " " + plain(object.path(key)))
        .collect(Collectors.joining(", "));
  }

  private static String plain(JsonNode value) {
    return value.isString() ? value.asString() : Json.line(value);
  }

  private static List<String> table(Registry registry, Adapter adapter) {
    List<List<String>> rows = new ArrayList<>();
    rows.add(
        List.of(
            "VERSION", "STATE", "ALIASES", "GATE", "RANK", "SIZE", "DIGEST", "BASE", "PUSHED", "BY",
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
              GateText.line(registry.gate(version)),
              Integer.toString(version.rank()),
              Bytes.shown(version.bytes()),
              Registries.shown(version.digest()),
              registry.bases().shown(version),
              version.pushed().at().toString(),
              version.pushed().by(),
              why == null ? "-" : why));
    }
    return TextTable.lines(rows);
  }

  private static void line(Console console, String key, String text) {
    if (!text.isEmpty()) {
      console.result(key + " ".repeat(KEY - key.length()) + text);
    }
  }
}
