package dev.nudge.cli.adapters;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Verb;
import dev.nudge.registry.Reference;
import dev.nudge.registry.Registry;
import dev.nudge.registry.Version;
import dev.nudge.settings.Count;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// `nudge adapters export`: copies a version's files to a folder.
public record AdaptersExportVerb() implements Verb<AdaptersExportVerb.Settings> {

  /// The flags of `nudge adapters export`.
  record Settings(
      @Setting(help = Registries.REFERENCE, label = "REFERENCE", operand = true, required = true)
          String reference,
      @Setting(help = "folder to write", label = "FOLDER", required = true) Path out,
      @Setting(help = "replace files of the same names there") boolean overwrite,
      @Setting(help = Registries.REGISTRY, label = "FOLDER") @Nullable Path registry) {}

  @Override
  public About<Settings> about() {
    return new About<>(
        "adapters export", "writes a version as a plain PEFT folder", Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    Registry registry = Registries.open(settings.registry());
    Reference reference = Reference.parse(settings.reference());
    List<String> files = registry.export(reference, settings.out(), settings.overwrite());
    console.note(settings.out() + ": " + Count.of(files.size(), "file"));
    Version version = registry.find(reference);
    console.object(
        Map.of(
            "out",
            settings.out().toString(),
            "version",
            version.number(),
            "digest",
            version.digest(),
            "files",
            files));
    return ExitCode.DONE;
  }
}
