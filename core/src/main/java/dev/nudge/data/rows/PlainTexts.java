package dev.nudge.data.rows;

import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.DataSettings;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;

/// Reads the plain texts of data files: each line of a `.txt` file with its line end, else the text
/// of each row: prompt and completion as one, of a conversation the messages' texts.
public final class PlainTexts {
  private static final int AT_ONCE = 256;

  private PlainTexts() {}

  /// Passes each text to `text`; blank lines are skipped.
  ///
  /// @throws InputException if a file is missing or not UTF-8, or a row is bad
  public static void each(List<String> filesOrGlobs, Consumer<String> text) {
    RowShape shape = RowShape.of(DataSettings.of(filesOrGlobs));
    try (RowReader reader = RowReader.open(filesOrGlobs)) {
      List<SourceLine> lines = reader.next(AT_ONCE);
      for (; !lines.isEmpty(); lines = reader.next(AT_ONCE)) {
        for (SourceLine line : lines) {
          text.accept(of(line, shape));
        }
      }
    }
  }

  private static String of(SourceLine line, RowShape shape) {
    if (line.file().toString().toLowerCase(Locale.ROOT).matches("(?s).*\\.txt(\\.gz)?")) {
      return line.text() + "\n";
    }
    try {
      return RowTexts.all(shape.content(Row.parse(line)));
    } catch (BadRowException e) {
      throw new InputException(line.bad(e).toString(), e);
    }
  }
}
