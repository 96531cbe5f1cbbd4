package dev.nudge.runs;

import dev.nudge.format.Claim;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// The state of a run: from its `run.json`, checked against running processes.
public enum RunStatus {
  RUNNING,
  FINISHED,
  STOPPED,
  FAILED,
  /// `run.json` says running, but no process has locked the folder: the run was killed.
  KILLED;

  /// The state in `run.json`; null for a word that this version of nudge does not know.
  static @Nullable RunStatus written(String state) {
    for (RunStatus status : values()) {
      if (status != KILLED && status.word().equals(state)) {
        return status;
      }
    }
    return null;
  }

  /// The actual state: a run whose folder no process has locked is not running.
  RunStatus in(Path folder) {
    return this == RUNNING && !Claim.isHeld(folder) ? KILLED : this;
  }

  /// The name of the state in commands and output.
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
