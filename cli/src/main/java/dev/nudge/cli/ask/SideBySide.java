package dev.nudge.cli.ask;

import java.util.ArrayList;
import java.util.List;

/// Lays out two titled texts in two columns.
final class SideBySide {
  private static final int GAP = 3;
  private static final int NARROW = 60; // fewer columns: one text above the other

  private SideBySide() {}

  /// Lays out two texts.
  ///
  /// @param columns width of the terminal
  static List<String> lines(
      String leftTitle, String left, String rightTitle, String right, int columns) {
    List<String> lines = new ArrayList<>();
    if (columns < NARROW) {
      int width = Math.max(20, columns);
      lines.add("— " + leftTitle);
      lines.addAll(wrapped(left, width));
      lines.add("— " + rightTitle);
      lines.addAll(wrapped(right, width));
      return lines;
    }
    int width = (columns - GAP) / 2;
    List<String> one = wrapped(left, width);
    List<String> other = wrapped(right, width);
    lines.add(padded("— " + leftTitle, width) + " ".repeat(GAP) + "— " + rightTitle);
    for (int i = 0; i < Math.max(one.size(), other.size()); i++) {
      String a = i < one.size() ? one.get(i) : "";
      String b = i < other.size() ? other.get(i) : "";
      lines.add((padded(a, width) + " ".repeat(GAP) + b).stripTrailing());
    }
    return lines;
  }

  private static String padded(String text, int width) {
    return text + " ".repeat(Math.max(0, width - text.codePointCount(0, text.length())));
  }

  /// Wraps a text at spaces; longer words are broken.
  static List<String> wrapped(String text, int width) {
    List<String> lines = new ArrayList<>();
    for (String paragraph : text.split("\n", -1)) {
      StringBuilder line = new StringBuilder();
      int used = 0;
      for (String word : paragraph.split("(?<= )")) {
        int length = word.codePointCount(0, word.length());
        if (used > 0
            && used + word.stripTrailing().codePointCount(0, word.stripTrailing().length())
                > width) {
          lines.add(line.toString().stripTrailing());
          line.setLength(0);
          used = 0;
        }
        while (length > width) {
          int cut = word.offsetByCodePoints(0, width);
          lines.add(word.substring(0, cut));
          word = word.substring(cut);
          length -= width;
        }
        line.append(word);
        used += length;
      }
      lines.add(line.toString().stripTrailing());
    }
    return lines;
  }
}
