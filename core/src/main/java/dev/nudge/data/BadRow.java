package dev.nudge.data;

import java.nio.file.Path;

/// Names a row that cannot be used.
///
/// @param index number of the row among the non-blank lines of all files, from 0
/// @param line number of the line in its file, from 1
/// @param reason one line
public record BadRow(int index, Path file, int line, String reason) {

  @Override
  public String toString() {
    return file + " line " + line + ": " + reason;
  }
}
