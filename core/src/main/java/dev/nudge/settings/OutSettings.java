package dev.nudge.settings;

import java.nio.file.Path;

/// Where a run is written.
public record OutSettings(
    @Setting(help = "folder of the run, and of what it trained", required = true, label = "FOLDER")
        Path out,
    @Setting(help = "replace what nudge wrote to that folder before") boolean overwrite,
    @Setting(help = "check everything, print the plan, write nothing") boolean dryRun) {}
