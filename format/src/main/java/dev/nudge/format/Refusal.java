package dev.nudge.format;

import dev.nudge.settings.InputException;
import java.nio.file.Path;

/// Formats errors about files on one line, even if names and texts contain control characters.
final class Refusal {
  private static final int MOST_SHOWN = 120;

  private Refusal() {}

  /// Makes the error for `file`: `what` is wrong.
  static InputException of(Path file, String what) {
    return new InputException(oneLine(file.toString(), Integer.MAX_VALUE) + ": " + what);
  }

  static InputException of(Path file, String what, Throwable cause) {
    return new InputException(oneLine(file.toString(), Integer.MAX_VALUE) + ": " + what, cause);
  }

  /// Describes a read failure on one line.
  static String reason(Throwable failure) {
    String message = failure.getMessage();
    return message == null
        ? failure.getClass().getSimpleName()
        : message.strip().replaceAll("\\s*\\R\\s*", " ");
  }

  /// Quotes a text from a file: control characters replaced, long texts shortened.
  static String quote(String text) {
    return '"' + oneLine(text, MOST_SHOWN) + '"';
  }

  /// Replaces characters that break or hide a line, and shortens the text.
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
