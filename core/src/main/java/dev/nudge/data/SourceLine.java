package dev.nudge.data;

import java.nio.file.Path;

/// Holds a line of a data file that is not blank.
///
/// @param index number among the non-blank lines of all files, from 0
/// @param number of the line in its file, blank ones counted, from 1
public record SourceLine(int index, Path file, int number, String text) {

  BadRow bad(BadRowException e) {
    return new BadRow(index, file, number, e.reason(), e.kind());
  }
}
