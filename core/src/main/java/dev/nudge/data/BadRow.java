package dev.nudge.data;

import java.nio.file.Path;

/// Names a row that cannot be used.
///
/// @param index number of the row among the non-blank lines of all files, from 0
/// @param line number of the line in its file, from 1
/// @param reason one line
/// @param kind what all rows with this mistake share; the reason itself where nothing in it is the
///     row's own
public record BadRow(int index, Path file, int line, String reason, String kind) {

  @Override
  public String toString() {
    return file + " line " + line + ": " + reason;
  }
}
