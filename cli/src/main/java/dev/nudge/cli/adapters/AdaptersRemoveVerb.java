package dev.nudge.cli.adapters;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Verb;
import dev.nudge.registry.Reference;
import dev.nudge.registry.Registry;
import dev.nudge.registry.Version;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// `nudge adapters rm`: removes unreferenced versions.
public record AdaptersRemoveVerb() implements Verb<AdaptersRemoveVerb.Settings> {

  /// The flags of `nudge adapters rm`.
  record Settings(
      @Setting(
              help = "a version, or the name of an adapter for all of its versions",
              label = "REFERENCE",
              operand = true,
              required = true)
          List<String> reference,
      @Setting(help = Registries.REGISTRY, label = "FOLDER") @Nullable Path registry,
      @Setting(help = "remove them; without it they are named and stay") boolean yes,
      @Setting(help = Registries.WHY, label = "TEXT") @Nullable String why,
      @Setting(help = Registries.BY, label = "WHO") @Nullable String by) {}

  @Override
  public About<Settings> about() {
    return new About<>(
        "adapters rm",
        "removes versions that nothing references; gc frees their bytes",
        Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    Registry registry = Registries.open(settings.registry());
    List<Reference> references =
        settings.reference().stream().flatMap(given -> versions(registry, given)).toList();
    List<Version> going = registry.removable(references);
    if (!settings.yes()) {
      throw new InputException(
          "adapters rm would remove %s; add --yes"
              .formatted(String.join(", ", going.stream().map(Version::shown).toList())));
    }
    List<Version> gone =
        registry.remove(references, Registries.note(settings.by(), settings.why()));
    gone.forEach(version -> console.note(version.shown() + " is removed"));
    console.object(
        Map.of(
            "removed", gone.stream().map(v -> Registries.values(registry, v, List.of())).toList()));
    return ExitCode.DONE;
  }

  private static Stream<Reference> versions(Registry registry, String given) {
    return Reference.meansVersion(given)
        ? Stream.of(Reference.parse(given))
        : registry.adapter(Reference.checked("REFERENCE", given)).versions().stream()
            .map(version -> Reference.parse(version.shown()));
  }
}
