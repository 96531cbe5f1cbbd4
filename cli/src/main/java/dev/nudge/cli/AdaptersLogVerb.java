package dev.nudge.cli;

import dev.nudge.registry.Reference;
import dev.nudge.registry.Registry;
import dev.nudge.registry.RegistryEvent;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// `nudge adapters log`: the history of a registry.
record AdaptersLogVerb() implements Verb<AdaptersLogVerb.Settings> {

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
                  said(event),
                  why == null ? "" : ": " + why));
    }
    console.object(Map.of("events", events.stream().map(RegistryEvent::values).toList()));
    return ExitCode.DONE;
  }

  private static boolean isOf(RegistryEvent event, Reference alias) {
    return switch (event) {
      case RegistryEvent.Moved moved -> alias.to().equals(new Reference.Alias(moved.alias()));
      case RegistryEvent.Protected said -> alias.to().equals(new Reference.Alias(said.alias()));
      default -> false;
    };
  }

  private static String said(RegistryEvent event) {
    String name = event.name();
    return switch (event) {
      case RegistryEvent.Pushed e -> "push %s:%d %s".formatted(name, e.version(), e.digest());
      case RegistryEvent.Protected e ->
          "%s %s@%s%s"
              .formatted(
                  e.word(),
                  name,
                  e.alias(),
                  e.policy() == null ? "" : " by the policy " + Registries.shown(e.policy()));
      case RegistryEvent.Moved e ->
          "%s %s@%s from %s to %s%s"
              .formatted(
                  e.word(),
                  name,
                  e.alias(),
                  Registries.shown(e.from()),
                  e.to() == null
                      ? "-"
                      : "version " + e.version() + " (" + Registries.shown(e.to()) + ")",
                  e.overridden().isEmpty()
                      ? ""
                      : ", overridden: " + String.join(", ", e.overridden()));
      case RegistryEvent.Stated e ->
          "state %s:%d from %s to %s".formatted(name, e.version(), e.from().word(), e.to().word());
      case RegistryEvent.Reported e ->
          "report %s:%d %s %s".formatted(name, e.version(), e.report().name(), e.report().digest());
      case RegistryEvent.Removed e -> "remove %s:%d %s".formatted(name, e.version(), e.digest());
    };
  }
}
