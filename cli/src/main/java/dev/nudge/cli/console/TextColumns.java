package dev.nudge.cli.console;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// Wraps text to at most 96 columns, after a margin.
public final class TextColumns {
  public static final String MARGIN = "   ";
  private static final int WIDTH = 96;
  private static final int TIME = 9;
  private static final int HALF = 45; // of two texts side by side

  private TextColumns() {}

  /// Returns a line with its duration in seconds at the end.
  public static String timed(String text, double seconds) {
    return pad(MARGIN + text, WIDTH - TIME) + String.format(Locale.ROOT, "%7.1f s", seconds);
  }

  /// Wraps a text at spaces.
  public static List<String> block(String text) {
    return wrap(text, WIDTH - MARGIN.length()).stream().map(line -> MARGIN + line).toList();
  }

  /// Wraps two texts at spaces and puts them side by side.
  public static List<String> beside(String left, String right) {
    List<String> a = wrap(left, HALF);
    List<String> b = wrap(right, HALF);
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < Math.max(a.size(), b.size()); i++) {
      String first = MARGIN + (i < a.size() ? a.get(i) : "");
      String second = i < b.size() ? b.get(i) : "";
      lines.add((pad(first, HALF + 2 * MARGIN.length()) + second).stripTrailing());
    }
    return lines;
  }

  private static String pad(String text, int width) {
    return text + " ".repeat(Math.max(1, width - text.length()));
  }

  private static List<String> wrap(String text, int width) {
    List<String> lines = new ArrayList<>();
    String rest = text;
    while (rest.length() > width) {
      int space = rest.lastIndexOf(' ', width);
      int end = space > 0 ? space : width;
      lines.add(rest.substring(0, end));
      rest = rest.substring(end).strip();
    }
    lines.add(rest);
    return lines;
  }
}
