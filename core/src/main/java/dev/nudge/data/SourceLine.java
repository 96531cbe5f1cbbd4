package dev.nudge.data;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// Holds a row of a data file as text: a line of JSONL that is not blank, or what another format
/// has in its place, as JSON.
///
/// @param index number among the rows of all files, from 0
/// @param number of the line in its file, blank ones counted, from 1; where the row begins
/// @param problem why it is no row, one line; null: nothing is known to be wrong
public record SourceLine(int index, Path file, int number, String text, @Nullable String problem) {

  SourceLine(int index, Path file, int number, String text) {
    this(index, file, number, text, null);
  }

  BadRow bad(BadRowException e) {
    return new BadRow(index, file, number, e.reason(), e.kind());
  }
}
