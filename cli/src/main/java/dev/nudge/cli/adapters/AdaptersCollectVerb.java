package dev.nudge.cli.adapters;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Verb;
import dev.nudge.registry.Registry;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.Count;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// `nudge adapters gc`: garbage collection.
public record AdaptersCollectVerb() implements Verb<AdaptersCollectVerb.Settings> {

  /// The flags of `nudge adapters gc`.
  record Settings(@Setting(help = Registries.REGISTRY, label = "FOLDER") @Nullable Path registry) {}

  @Override
  public About<Settings> about() {
    return new About<>("adapters gc", "frees the bytes that no version references", Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    Registry.Collected freed = Registries.open(settings.registry()).collect();
    console.note(
        "%s freed: %s, %s"
            .formatted(
                Bytes.shown(freed.bytes()),
                Count.of(freed.blobs(), "file"),
                Count.of(freed.folders(), "folder")));
    console.object(freed);
    return ExitCode.DONE;
  }
}
