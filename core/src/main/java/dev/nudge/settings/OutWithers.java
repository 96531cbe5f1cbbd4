package dev.nudge.settings;

import java.nio.file.Path;

/// Changes where a run is written.
///
/// @param <S> the record that holds them
public interface OutWithers<S extends Record> extends Withers<S> {
  /// The folder of the run, and of what it trained.
  default S withOut(Path folder) {
    return with("out", folder);
  }

  /// Whether what nudge wrote to that folder before is replaced.
  default S withOverwrite(boolean replace) {
    return with("overwrite", replace);
  }

  /// Steps between two saves of what trains.
  default S withSaveSteps(int steps) {
    return with("save_steps", steps);
  }

  /// Whether the run in that folder must be gone on with; without, it is where it can be.
  default S withResume(boolean must) {
    return with("resume", must);
  }

  /// Checkpoints to keep, beside that of the best step; 0 makes none.
  default S withKeep(int checkpoints) {
    return with("keep", checkpoints);
  }

  /// Seconds to wait for room where the disk is full.
  default S withDiskWait(int seconds) {
    return with("disk_wait", seconds);
  }
}
