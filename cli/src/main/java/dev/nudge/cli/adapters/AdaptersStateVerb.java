package dev.nudge.cli.adapters;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Verb;
import dev.nudge.registry.Note;
import dev.nudge.registry.Reference;
import dev.nudge.registry.Registry;
import dev.nudge.registry.Version;
import dev.nudge.registry.VersionState;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// `nudge adapters state`: sets the state of a version, such as blocked.
public record AdaptersStateVerb() implements Verb<AdaptersStateVerb.Settings> {

  /// The flags of `nudge adapters state`.
  record Settings(
      @Setting(help = Registries.REFERENCE, label = "REFERENCE", operand = true, required = true)
          String reference,
      @Setting(
              help = "registered, validated, retired or blocked; deployed is what an alias is at",
              label = "STATE",
              operand = true,
              required = true)
          VersionState state,
      @Setting(help = Registries.REGISTRY, label = "FOLDER") @Nullable Path registry,
      @Setting(
              help = "file of an evaluation to keep with it; may be given several times",
              label = "FILE")
          List<String> report,
      @Setting(help = Registries.WHY, label = "TEXT") @Nullable String why,
      @Setting(help = Registries.BY, label = "WHO") @Nullable String by) {}

  @Override
  public About<Settings> about() {
    return new About<>(
        "adapters state",
        "says what state a version is in; a blocked one is refused",
        Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    Registry registry = Registries.open(settings.registry());
    Note note = Registries.note(settings.by(), settings.why());
    Reference reference = Reference.parse(settings.reference());
    List<Path> reports = settings.report().stream().map(Path::of).toList();
    reports.forEach(Registry::checkReport);
    Registries.attach(registry, reference, reports, note, console);
    Version version = registry.state(reference, settings.state(), note);
    console.result(version.shown() + " is " + version.state().word());
    if (version.state() == VersionState.BLOCKED) {
      registry.adapter(version.name()).aliases().stream()
          .filter(alias -> alias.digest().equals(version.digest()))
          .forEach(
              alias ->
                  console.warn(
                      "%s@%s is still at it and refuses requests; nudge adapters rollback, or adapters alias, moves it"
                          .formatted(version.name(), alias.name())));
    }
    console.object(Registries.values(registry, version));
    return ExitCode.DONE;
  }
}
