package dev.nudge.cli.adapters;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Verb;
import dev.nudge.format.Json;
import dev.nudge.registry.GateCheck;
import dev.nudge.registry.Reference;
import dev.nudge.registry.Registry;
import dev.nudge.registry.RegistryEvent;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// `nudge adapters log`: prints the history of a registry.
public record AdaptersLogVerb() implements Verb<AdaptersLogVerb.Settings> {

  /// The flags of `nudge adapters log`.
  record Settings(
      @Setting(help = "one adapter alone, or one alias", label = "NAME", operand = true)
          @Nullable String name,
      @Setting(help = Registries.REGISTRY, label = "FOLDER") @Nullable Path registry) {}

  @Override
  public About<Settings> about() {
    return new About<>(
        "adapters log", "shows all changes: who, when, from, to, why", Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    Registry registry = Registries.open(settings.registry());
    String given = settings.name();
    Reference alias = given != null && given.contains("@") ? Registries.alias(given) : null;
    String name = alias == null ? given : alias.name();
    if (name != null) {
      registry.adapter(Reference.checked("NAME", name));
    }
    List<RegistryEvent> events =
        registry.log(name).stream().filter(event -> alias == null || isOf(event, alias)).toList();
    for (RegistryEvent event : events) {
      String why = event.note().why();
      console.result(
          "%s  %s  %s%s"
              .formatted(
                  event.note().at(),
                  event.note().by(),
                  said(registry, event),
                  why == null ? "" : ": " + why));
    }
    console.object(
        Map.of("events", events.stream().map(event -> values(registry, event)).toList()));
    return ExitCode.DONE;
  }

  private static boolean isOf(RegistryEvent event, Reference alias) {
    return switch (event) {
      case RegistryEvent.Moved moved -> alias.to().equals(new Reference.Alias(moved.alias()));
      case RegistryEvent.Protected said -> alias.to().equals(new Reference.Alias(said.alias()));
      default -> false;
    };
  }

  /// Returns the event as JSON; with the `gate` if it reports a gate's verdict.
  private static Map<String, @Nullable Object> values(Registry registry, RegistryEvent event) {
    Map<String, @Nullable Object> values = event.values();
    if (event instanceof RegistryEvent.Reported e) {
      Map<String, @Nullable Object> gate = GateText.values(gate(registry, e));
      if (gate != null) {
        values.put("gate", gate);
      }
    }
    return values;
  }

  /// Returns the reported verdict for [GateText]; null: another kind of report.
  private static @Nullable JsonNode gate(Registry registry, RegistryEvent.Reported event) {
    return event.report().name().equals(GateCheck.FILE)
        ? Json.readOrMissing(registry.file(event.report()))
        : null;
  }

  /// Returns the number of a version, or the first digits of its digest if it was removed.
  private static String shown(Registry registry, String name, String digest) {
    return registry.list().stream()
        .filter(adapter -> adapter.name().equals(name))
        .flatMap(adapter -> adapter.versions().stream())
        .filter(version -> version.digest().equals(digest))
        .map(version -> "version " + version.number())
        .reduce((_, last) -> last)
        .orElse(Registries.shown(digest));
  }

  private static String said(Registry registry, RegistryEvent event) {
    String name = event.name();
    return switch (event) {
      case RegistryEvent.Pushed e ->
          "push %s:%d %s".formatted(name, e.version(), Registries.shown(e.digest()));
      case RegistryEvent.Protected e ->
          "%s %s@%s%s"
              .formatted(
                  e.word(),
                  name,
                  e.alias(),
                  (e.policy() == null ? "" : " by the policy " + Registries.shown(e.policy()))
                      + overridden(e.overridden()));
      case RegistryEvent.Moved e ->
          "%s %s@%s%s to %s%s"
              .formatted(
                  e.word(),
                  name,
                  e.alias(),
                  e.from() == null ? "" : " from " + shown(registry, name, e.from()),
                  e.to() == null ? "no version" : "version " + e.version(),
                  overridden(e.overridden()));
      case RegistryEvent.Stated e ->
          "state %s:%d from %s to %s".formatted(name, e.version(), e.from().word(), e.to().word());
      case RegistryEvent.Reported e ->
          "report %s:%d %s %s"
              .formatted(
                  name,
                  e.version(),
                  e.report().name(),
                  e.report().name().equals(GateCheck.FILE)
                      ? GateText.line(gate(registry, e))
                      : Registries.shown(e.report().digest()));
      case RegistryEvent.Removed e ->
          "remove %s:%d %s".formatted(name, e.version(), Registries.shown(e.digest()));
    };
  }

  private static String overridden(List<String> reasons) {
    return reasons.isEmpty() ? "" : ", overridden: " + String.join(", ", reasons);
  }
}
