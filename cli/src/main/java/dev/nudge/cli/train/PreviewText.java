package dev.nudge.cli.train;

import dev.nudge.cli.console.Colours;
import dev.nudge.data.LengthBins;
import dev.nudge.data.tokens.SeenRow;
import dev.nudge.settings.Count;
import dev.nudge.train.Preview;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// Formats a data preview for a terminal.
///
/// @param unicode whether bars may be drawn with block characters
record PreviewText(Preview preview, PreviewFacts facts, Colours colours, boolean unicode) {
  private static final int BAR = 40; // characters of the longest bar

  /// Returns the first rows, each below a line with its source.
  List<String> rows() {
    List<String> lines = new ArrayList<>();
    for (SeenRow row : preview.rows()) {
      lines.add(heading(row));
      StringBuilder text = new StringBuilder();
      row.parts()
          .forEach(part -> text.append(colours.shown(printable(part.text()), part.trained())));
      lines.addAll(text.toString().lines().toList());
      lines.add("");
    }
    lines.add(colours.legend());
    lines.add("");
    return lines;
  }

  /// Returns `row 3 (rows.jsonl, line 4): 23 tokens, 7 trained`.
  static String heading(SeenRow row) {
    return format(
        "row %d%s (%s, line %d): %s, %,d %s",
        row.index(),
        row.answer() == null ? "" : ", " + row.answer(),
        row.file().getFileName(),
        row.line(),
        Count.of(row.ids().length, "token"),
        row.trainedTokens(),
        row.answer() == null ? "trained" : "compared");
  }

  /// Removes control characters other than line breaks and tabs.
  private static String printable(String text) {
    StringBuilder shown = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      boolean kept = c == '\n' || c == '\t' || !Character.isISOControl(c);
      shown.append(kept ? String.valueOf(c) : c == '\r' ? "\\r" : "\\x%02x".formatted((int) c));
    }
    return shown.toString();
  }

  /// Returns the counts over all rows.
  List<String> counts() {
    List<String> lines = new ArrayList<>();
    facts.all().forEach(fact -> lines.add(format("%-11s%s", fact.name(), fact.value())));
    LengthBins lengths = preview.lengths();
    int most = lengths.counts().stream().mapToInt(Integer::intValue).max().orElse(1);
    for (int bin = 0; bin < lengths.counts().size(); bin++) {
      int count = lengths.counts().get(bin);
      int bar = (int) Math.ceilDiv((long) BAR * count, most);
      String drawn = (unicode ? "█" : "#").repeat(bar);
      lines.add(format("  %13s %,9d %s", lengths.names().get(bin), count, drawn).stripTrailing());
    }
    facts.advice().forEach(line -> lines.add(format("%-11s%s", "advice", line)));
    return lines;
  }

  private static String format(String text, Object... values) {
    return String.format(Locale.ROOT, text, values);
  }
}
