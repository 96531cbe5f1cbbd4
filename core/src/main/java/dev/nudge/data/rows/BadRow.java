package dev.nudge.data.rows;

import java.nio.file.Path;

/// A row that cannot be used, and why.
///
/// @param line number of the line in its file, from 1
/// @param reason the reason in one line
/// @param kind the reason without the row's own values, by which rows are grouped
public record BadRow(Path file, int line, String reason, String kind) {

  @Override
  public String toString() {
    return file + " line " + line + ": " + reason;
  }
}
