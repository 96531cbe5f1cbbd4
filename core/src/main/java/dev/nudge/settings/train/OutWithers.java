package dev.nudge.settings.train;

import dev.nudge.settings.Withers;
import java.nio.file.Path;

/// Withers for the output folder and the checkpoints.
///
/// @param <S> the record that holds them
public interface OutWithers<S extends Record> extends Withers<S> {
  /// The folder of the run and its adapter or model.
  default S withOut(Path folder) {
    return with("out", folder);
  }

  /// Whether an earlier output of nudge in that folder is replaced.
  default S withOverwrite(boolean replace) {
    return with("overwrite", replace);
  }

  /// The steps between two checkpoints.
  default S withSaveSteps(int steps) {
    return with("save_steps", steps);
  }

  /// The checkpoints to keep besides the best; 0 writes none.
  default S withKeep(int checkpoints) {
    return with("keep", checkpoints);
  }
}
