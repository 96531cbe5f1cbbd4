package dev.nudge.data.source;

import java.io.Closeable;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/// Gives the rows of one file as texts, one after the other.
///
/// Threading: one thread.
public interface RowSource extends Closeable {

  /// A row as text.
  ///
  /// @param line where it begins, from 1; in a table without lines the number of the row
  /// @param text a JSON object, unchecked
  /// @param problem why it is no row, one line; null: nothing is known to be wrong
  record Piece(int line, String text, @Nullable String problem) {

    static Piece of(int line, String text) {
      return new Piece(line, text, null);
    }

    static Piece broken(int line, String problem) {
      return new Piece(line, "", problem);
    }
  }

  /// The next row; null at the end.
  @Nullable Piece next() throws IOException;

  /// What was guessed of the format, for people: `CSV, columns separated by ';'`; null where
  /// nothing was.
  default @Nullable String guessed() {
    return null;
  }
}
