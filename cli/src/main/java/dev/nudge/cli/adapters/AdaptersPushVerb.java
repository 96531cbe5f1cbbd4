package dev.nudge.cli.adapters;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Verb;
import dev.nudge.identity.UnfinishedRun;
import dev.nudge.registry.Alias;
import dev.nudge.registry.Note;
import dev.nudge.registry.Reference;
import dev.nudge.registry.Registry;
import dev.nudge.registry.Version;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// `nudge adapters push`: stores an adapter folder as a new immutable version.
public record AdaptersPushVerb() implements Verb<AdaptersPushVerb.Settings> {

  /// The flags of `nudge adapters push`.
  record Settings(
      @Setting(help = "name of the adapter", label = "NAME", operand = true, required = true)
          String name,
      @Setting(
              help = "a PEFT folder, a run's folder, a folder of release, or org/name of the hub",
              label = "PATH",
              operand = true,
              names = Setting.Names.ADAPTER,
              required = true)
          Path path,
      @Setting(help = Registries.REGISTRY, label = "FOLDER") @Nullable Path registry,
      @Setting(help = "licence of the adapter, such as Apache-2.0", label = "NAME")
          @Nullable String licence,
      @Setting(help = "put this alias to the new version", label = "ALIAS") @Nullable String alias,
      @Setting(help = "with --alias: " + Registries.ANY_BASE) boolean anyBase,
      @Setting(
              help = "file of an evaluation to keep with it; may be given several times",
              label = "FILE")
          List<String> report,
      @Setting(help = Registries.WHY, label = "TEXT") @Nullable String why,
      @Setting(help = Registries.BY, label = "WHO") @Nullable String by) {}

  @Override
  public About<Settings> about() {
    return new About<>(
        "adapters push", "registers an adapter as a new version of a name", Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    Registry registry = Registries.open(settings.registry());
    Note note = Registries.note(settings.by(), settings.why());
    List<Path> reports = settings.report().stream().map(Path::of).toList();
    reports.forEach(Registry::checkReport);
    if (settings.alias() != null) {
      Reference.checked("--alias", settings.alias());
      if (!settings.anyBase()) {
        registry.checkBase(settings.name(), settings.alias(), settings.path());
      }
    }
    Registry.Pushed pushed =
        registry.push(settings.name(), settings.path(), settings.licence(), note);
    UnfinishedRun.warn(settings.path().toString(), settings.path(), console::warn);
    Version version = pushed.version();
    Reference reference = Reference.parse(version.shown());
    if (version.base() == null) {
      console.warn(
          settings.path() + " has no nudge.json: which base it was trained on is not known");
    }
    String other = pushed.fresh() ? registry.otherBases(version) : null;
    if (other != null) {
      console.warn(other);
    }
    version = Registries.attach(registry, reference, reports, note, console);
    if (settings.alias() != null) {
      registry.alias(
          version.name(),
          settings.alias(),
          version,
          Alias.Expected.ANY,
          new Alias.Force(false, settings.anyBase()),
          note);
      version = registry.find(reference);
    }
    console.result(
        "%s  %s%s"
            .formatted(
                version.shown(),
                version.digest(),
                pushed.fresh() ? "" : "  (the same files are there already)"));
    Map<String, @Nullable Object> values = Registries.values(registry, version);
    values.put("fresh", pushed.fresh());
    console.object(values);
    return ExitCode.DONE;
  }
}
