package dev.nudge.settings;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// Where a run is written.
///
/// @param saveSteps null: a tenth of the run, and whenever ten minutes have gone by
public record OutSettings(
    @Setting(help = "folder of the run, and of what it trained", required = true, label = "FOLDER")
        Path out,
    @Setting(help = "replace what nudge wrote to that folder before") boolean overwrite,
    @Setting(help = "steps between two saves (default: a tenth of the run, at most ten minutes)")
        @Nullable Integer saveSteps,
    @Setting(help = "check everything, print the plan, write nothing") boolean dryRun) {

  public OutSettings {
    Check.atLeast("--save-steps", saveSteps, 1);
  }
}
