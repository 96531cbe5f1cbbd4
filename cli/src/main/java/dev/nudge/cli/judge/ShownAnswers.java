package dev.nudge.cli.judge;

import dev.nudge.cli.console.TextTable;
import dev.nudge.data.tokens.ShownRow;
import dev.nudge.generate.Confusion;
import dev.nudge.generate.RowAnswers;
import dev.nudge.generate.Scoring;
import java.util.ArrayList;
import java.util.List;

/// Formats the answers of `nudge score --show`.
final class ShownAnswers {
  private ShownAnswers() {}

  /// Returns the prompt, target and answer of each shown row, then a confusion table of targets and
  /// answers.
  static List<String> lines(Scoring.Summary all) {
    List<String> lines = new ArrayList<>();
    List<RowAnswers.Row> shown = all.shown() == null ? List.of() : all.shown();
    for (RowAnswers.Row row : shown) {
      lines.add(row.file() + " line " + row.line() + "  " + ShownRow.quotedEnd(row.prompt()));
      lines.add("  expected  " + ShownRow.quoted(row.expected()));
      lines.add("  answered  " + ShownRow.quoted(row.answer()));
    }
    if (all.confusions() != null) {
      List<List<String>> table = new ArrayList<>();
      table.add(List.of("EXPECTED", "ANSWERED", "ROWS"));
      for (Confusion c : all.confusions()) {
        String answer = c.answer();
        table.add(
            List.of(
                ShownRow.quoted(c.expected()),
                answer == null ? "another text" : ShownRow.quoted(answer),
                String.valueOf(c.rows())));
      }
      lines.addAll(TextTable.lines(table));
    }
    return lines;
  }
}
