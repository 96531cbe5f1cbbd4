package dev.nudge.settings.train;

import dev.nudge.settings.Check;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// The output folder of a run, and its checkpoints.
///
/// @param resume whether the folder's run must be resumed; false: resume if possible
/// @param saveSteps steps between checkpoints; null: every three minutes, less often if they take
///     over 1/20 of the time
/// @param keep checkpoints to keep besides the best; 0: none is written; null: two, until the run
///     is finished
/// @param diskWait seconds to wait if the disk is full
public record OutSettings(
    @Setting(help = "folder of the run, and of what it trained", required = true, label = "FOLDER")
        Path out,
    @Setting(help = "replace what nudge wrote to that folder before") boolean overwrite,
    @Setting(help = "go on with the run in --out; settings that are left out are the run's")
        boolean resume,
    @Setting(
            help =
                "steps between two saves (default: by time, at least 3 minutes apart, at most 5 %"
                    + " of the run)")
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
          "--resume and --overwrite are both given; a run goes on or begins anew, so leave one"
              + " out");
    }
  }

  /// Number of checkpoints that are kept during the run.
  public int kept() {
    return keep == null ? 2 : keep;
  }
}
