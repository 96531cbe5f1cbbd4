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
}
