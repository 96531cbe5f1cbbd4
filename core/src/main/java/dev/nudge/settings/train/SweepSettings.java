package dev.nudge.settings.train;

import dev.nudge.settings.First;
import dev.nudge.settings.Schema;
import dev.nudge.settings.Setting;
import dev.nudge.settings.verb.RegistryWithers;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Settings of the `sweep` command; its file lists the trials.
///
/// @param push name of an adapter in the registry, with or without an alias; null: nothing is
///     registered
/// @param anyBase whether the alias may move to another base than it had
/// @param registry null: the user's own
@First("file out resume dry_run push")
public record SweepSettings(
    @Setting(
            help = "YAML file: base (settings of train), and grid, list or random",
            label = "FILE",
            operand = true,
            required = true)
        Path file,
    @Setting(
            help = "folder of the sweep: leaderboard, curves and a run folder a setting",
            label = "FOLDER",
            required = true)
        Path out,
    @Setting(help = "go on with the sweep in the folder") boolean resume,
    @Setting(help = "check everything, print the settings and their groups, and train nothing")
        boolean dryRun,
    @Setting(
            help =
                "register the best adapter as a new version of NAME, and put ALIAS to it: NAME or"
                    + " NAME@ALIAS",
            label = "NAME@ALIAS")
        @Nullable String push,
    @Setting(help = "with --push NAME@ALIAS: put the alias to a version of another base, too")
        boolean anyBase,
    @Setting(help = RegistryWithers.HELP, label = "FOLDER") @Nullable Path registry) {

  /// Settings of a sweep, everything else at its default.
  public static SweepSettings of(Path file, Path out) {
    return of(Map.of("file", file, "out", out));
  }

  /// Makes the settings from values by key.
  public static SweepSettings of(Map<String, ?> values) {
    return Schema.of(SweepSettings.class).of(values);
  }
}
