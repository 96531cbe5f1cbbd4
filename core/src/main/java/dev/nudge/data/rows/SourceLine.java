package dev.nudge.data.rows;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// A row of a data file as JSON text: a non-blank line of JSONL, or the equivalent of another
/// format.
///
/// @param index index among the rows of all files, from 0
/// @param number line in its file where the row begins, blank lines counted, from 1
/// @param problem why it is not a valid row, in one line; null: no problem known
public record SourceLine(int index, Path file, int number, String text, @Nullable String problem) {

  public SourceLine(int index, Path file, int number, String text) {
    this(index, file, number, text, null);
  }

  public BadRow bad(BadRowException e) {
    return new BadRow(file, number, e.reason(), e.kind());
  }
}
