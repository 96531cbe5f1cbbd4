package dev.nudge.format;

import dev.nudge.settings.InputException;
import java.nio.file.Path;

/// Words of a refused file: one line whatever the file holds, since names in it are the file's.
final class Refusal {
  private static final int MOST_SHOWN = 120;

  private Refusal() {}

  /// Says `what` is wrong with `file`.
  static InputException of(Path file, String what) {
    return new InputException(oneLine(file.toString(), Integer.MAX_VALUE) + ": " + what);
  }

  static InputException of(Path file, String what, Throwable cause) {
    return new InputException(oneLine(file.toString(), Integer.MAX_VALUE) + ": " + what, cause);
  }

  /// Says on one line why reading failed.
  static String reason(Throwable failure) {
    String message = failure.getMessage();
    return message == null
        ? failure.getClass().getSimpleName()
        : message.strip().replaceAll("\\s*\\R\\s*", " ");
  }

  /// Quotes a text from a file: control characters replaced, long ones cut.
  static String quote(String text) {
    return '"' + oneLine(text, MOST_SHOWN) + '"';
  }

  /// Replaces what would break or hide a line, and cuts.
  static String oneLine(String text, int most) {
    StringBuilder line = new StringBuilder();
    text.codePoints()
        .limit(most)
        .map(
            c ->
                switch (Character.getType(c)) {
                  case Character.CONTROL,
                      Character.FORMAT,
                      Character.SURROGATE,
                      Character.LINE_SEPARATOR,
                      Character.PARAGRAPH_SEPARATOR ->
                      '\uFFFD';
                  default -> c;
                })
        .forEach(line::appendCodePoint);
    return text.codePointCount(0, text.length()) > most
        ? line.append('…').toString()
        : line.toString();
  }
}
