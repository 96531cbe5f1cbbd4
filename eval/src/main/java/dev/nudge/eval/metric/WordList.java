package dev.nudge.eval.metric;

import dev.nudge.python.PythonText;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/// Reads word lists from resource files.
final class WordList {
  private WordList() {}

  /// All words of a file.
  static Set<String> words(String file) {
    return Set.copyOf(PythonText.split(text(file)));
  }

  /// Returns the words of each line.
  static List<List<String>> lines(String file) {
    return text(file).lines().map(PythonText::split).toList();
  }

  private static String text(String file) {
    try (InputStream in = Objects.requireNonNull(WordList.class.getResourceAsStream(file))) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
