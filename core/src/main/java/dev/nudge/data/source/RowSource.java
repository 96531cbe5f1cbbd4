package dev.nudge.data.source;

import java.io.Closeable;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/// The rows of one file as JSON texts, one after the other.
///
/// Threading: one thread.
public interface RowSource extends Closeable {

  /// A row as text.
  ///
  /// @param line line where it begins, from 1; in a table without lines the number of the row
  /// @param text a JSON object, not validated
  /// @param problem why it is not a row, in one line; null: no problem known
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

  /// What was guessed about the format, for people: `CSV, columns separated by ';'`; null: nothing.
  default @Nullable String guessed() {
    return null;
  }
}
