package dev.nudge.quickstart;

import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// The output folder of a quickstart: the user's, or a temporary one that is deleted on close.
final class Workplace implements AutoCloseable {
  private final @Nullable Path keep;
  private @Nullable Path made;

  private Workplace(@Nullable Path keep) {
    this.keep = keep;
  }

  /// Checks the output folder without writing.
  ///
  /// @param keep the user's folder; null: a temporary one
  /// @throws InputException if the folder cannot be used
  static Workplace of(@Nullable Path keep) {
    if (keep != null) {
      OutFolder.checkPlace("--keep", keep);
      if (!OutFolder.isFree(keep)) {
        throw new InputException("--keep " + keep + " is not empty; give a new folder");
      }
    }
    return new Workplace(keep);
  }

  /// Makes the folder.
  void make() {
    try {
      made =
          keep == null
              ? Files.createTempDirectory("nudge-quickstart")
              : Files.createDirectories(keep);
    } catch (IOException e) {
      String where = keep == null ? "a temporary folder" : keep.toString();
      throw new RunException("cannot make " + where + ": " + OutFolder.reason(e), e);
    }
  }

  Path path(String name) {
    return Objects.requireNonNull(made).resolve(name);
  }

  /// Returns the file of training rows.
  Path rows() {
    return path("train.jsonl");
  }

  /// Returns the folder of the training run.
  Path adapter() {
    return path("adapter");
  }

  @Override
  public void close() {
    if (keep == null && made != null) {
      try {
        OutFolder.delete(made);
      } catch (IOException e) {
        throw new RunException("cannot remove " + made + ": " + OutFolder.reason(e), e);
      }
    }
  }
}
