package dev.nudge.cli.console;

import java.util.ArrayList;
import java.util.List;

/// Aligns rows of cells in columns, each as wide as its widest cell.
public final class TextTable {
  private static final int GAP = 2;

  private TextTable() {}

  /// Returns the lines of a table.
  ///
  /// @param rows rows of equal length, the header first
  public static List<String> lines(List<List<String>> rows) {
    List<String> lines = new ArrayList<>();
    for (List<String> row : rows) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < row.size(); i++) {
        int column = i;
        int width = rows.stream().mapToInt(r -> length(r.get(column))).max().orElse(0);
        String cell = row.get(i);
        line.append(cell).append(" ".repeat(width - length(cell) + GAP));
      }
      lines.add(line.toString().stripTrailing());
    }
    return lines;
  }

  private static int length(String text) {
    return text.codePointCount(0, text.length());
  }
}
