package dev.nudge.settings;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// Where a run is written.
///
/// @param resume whether the run in the folder must be gone on with; without, it is where it can be
/// @param saveSteps null: each three minutes, or so seldom that saves take a twentieth of the time
/// @param keep checkpoints that are kept beside that of the best step; 0: none is made; null: two,
///     until the run is finished
/// @param diskWait seconds
public record OutSettings(
    @Setting(help = "folder of the run, and of what it trained", required = true, label = "FOLDER")
        Path out,
    @Setting(help = "replace what nudge wrote to that folder before") boolean overwrite,
    @Setting(help = "go on with the run in --out; settings that are left out are the run's")
        boolean resume,
    @Setting(
            help =
                "steps between two saves (default: by time, at least 3 minutes apart, at most 5 % of the run)")
        @Nullable Integer saveSteps,
    @Setting(help = "checkpoints to keep (default: 2 and the best, until the run is finished)")
        @Nullable Integer keep,
    @Setting(
            help = "seconds to wait for room where the disk is full, before the run ends",
            byDefault = "60")
        int diskWait,
    @Setting(help = "check everything, print the plan, write nothing") boolean dryRun) {

  public OutSettings {
    Check.atLeast("--save-steps", saveSteps, 1);
    Check.atLeast("--keep", keep, 0);
    Check.atLeast("--disk-wait", diskWait, 0);
    if (resume && overwrite) {
      throw new InputException(
          "--resume and --overwrite are both given; a run goes on or begins anew, so leave one out");
    }
  }

  /// Checkpoints that are kept while a run is made.
  public int kept() {
    return keep == null ? 2 : keep;
  }
}
