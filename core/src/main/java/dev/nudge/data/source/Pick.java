package dev.nudge.data.source;

import org.jspecify.annotations.Nullable;

/// Says which of the files that are named are meant, by the split that a file's name tells.
///
/// @param split a name of a split; null: none is named
/// @param held whether the files of that split are meant; else all others
public record Pick(@Nullable String split, boolean held) {

  /// All files; of a folder that has splits those to train on.
  public static final Pick TRAIN = new Pick(null, false);

  /// All files but those of a split; of a folder that has splits those to train on.
  public static Pick but(String split) {
    return new Pick(DatasetSplit.known(split), false);
  }

  /// The files of a split.
  public static Pick held(String split) {
    return new Pick(DatasetSplit.known(split), true);
  }
}
