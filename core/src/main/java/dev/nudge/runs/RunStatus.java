package dev.nudge.runs;

import dev.nudge.format.Claim;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// How a run stands: what its `run.json` says, and whether that still holds.
public enum RunStatus {
  RUNNING,
  FINISHED,
  STOPPED,
  FAILED,
  /// It says that it runs, and no process has its folder: it was killed, or its machine was.
  KILLED;

  /// What `run.json` says; null for a word that this nudge does not know.
  static @Nullable RunStatus written(String state) {
    for (RunStatus status : values()) {
      if (status != KILLED && status.word().equals(state)) {
        return status;
      }
    }
    return null;
  }

  /// The same, held against the folder: only a process that has it is running.
  RunStatus in(Path folder) {
    return this == RUNNING && !Claim.isHeld(folder) ? KILLED : this;
  }

  /// The word that users read and write.
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
