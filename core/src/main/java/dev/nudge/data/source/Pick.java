package dev.nudge.data.source;

import org.jspecify.annotations.Nullable;

/// Selects data files by the split that a file's name tells.
///
/// @param split name of a split; null: none
/// @param held whether to take the files of that split; else all others
public record Pick(@Nullable String split, boolean held) {

  /// Takes all files; of a folder with splits, the training files.
  public static final Pick TRAIN = new Pick(null, false);

  /// Takes all files but those of a split; of a folder with splits, the training files.
  public static Pick but(String split) {
    return new Pick(DatasetSplit.known(split), false);
  }

  /// Takes the files of a split.
  public static Pick held(String split) {
    return new Pick(DatasetSplit.known(split), true);
  }
}
