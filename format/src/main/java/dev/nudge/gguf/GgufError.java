package dev.nudge.gguf;

import dev.nudge.settings.InputException;
import java.nio.file.Path;

/// Makes errors about a GGUF file, on one line even if its texts contain control characters.
final class GgufError {
  private static final int MOST_SHOWN = 80;

  private GgufError() {}

  static InputException of(Path file, String what) {
    return new InputException(file + ": " + what);
  }

  /// Quotes a text of the file: control characters replaced, a long text shortened.
  static String quote(String text) {
    StringBuilder shown = new StringBuilder("\"");
    text.codePoints()
        .limit(MOST_SHOWN)
        .map(c -> plain(c) ? c : '\uFFFD')
        .forEach(shown::appendCodePoint);
    return shown.append(text.length() > MOST_SHOWN ? "…\"" : "\"").toString();
  }

  private static boolean plain(int c) {
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.SURROGATE,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          false;
      default -> true;
    };
  }
}
