package dev.nudge.cli;

import dev.nudge.data.Lengths;
import dev.nudge.data.SeenRow;
import dev.nudge.settings.Count;
import dev.nudge.train.Preview;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// Writes a preview in lines.
///
/// @param unicode whether bars may be drawn with block characters
record PreviewText(Preview preview, Colours colours, boolean unicode) {
  private static final int BAR = 40; // characters of the longest

  /// The first rows, each under a line that says where it is from.
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

  /// `row 3 (rows.jsonl, line 4): 23 tokens, 7 trained`.
  static String heading(SeenRow row) {
    return format(
        "row %d (%s, line %d): %s, %,d trained",
        row.index(),
        row.file().getFileName(),
        row.line(),
        Count.of(row.ids().length, "token"),
        row.trainedTokens());
  }

  /// What may be put on a terminal: no control characters but line breaks and tabs.
  private static String printable(String text) {
    StringBuilder shown = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      boolean kept = c == '\n' || c == '\t' || !Character.isISOControl(c);
      shown.append(kept ? String.valueOf(c) : c == '\r' ? "\\r" : "\\x%02x".formatted((int) c));
    }
    return shown.toString();
  }

  /// What is true of all rows.
  List<String> counts() {
    List<String> lines = new ArrayList<>();
    facts(preview).forEach(fact -> lines.add(format("%-11s%s", fact.name(), fact.value())));
    Lengths lengths = preview.lengths();
    int most = lengths.counts().stream().mapToInt(Integer::intValue).max().orElse(1);
    for (int bin = 0; bin < lengths.counts().size(); bin++) {
      int count = lengths.counts().get(bin);
      int bar = (int) Math.ceilDiv((long) BAR * count, most);
      String drawn = (unicode ? "█" : "#").repeat(bar);
      lines.add(format("  %13s %,9d %s", lengths.names().get(bin), count, drawn).stripTrailing());
    }
    preview.advice().forEach(line -> lines.add(format("%-11s%s", "advice", line)));
    return lines;
  }

  /// A name and what is said of it.
  record Fact(String name, String value) {}

  /// What is said of all rows, the lengths last.
  static List<Fact> facts(Preview p) {
    List<Fact> facts = new ArrayList<>();
    facts.add(
        new Fact(
            "data",
            format(
                "%s, %s, %,d trained (%.1f %%)%s",
                Count.of(p.data().rows(), "row"),
                Count.of(p.data().tokens(), "token"),
                p.data().trainedTokens(),
                100 * p.trainedShare(),
                p.data().badRows() == 0
                    ? ""
                    : ", " + Count.of(p.data().badRows(), "bad row") + " set aside")));
    facts.add(new Fact("shape", p.data().shapes().toString()));
    facts.add(new Fact("columns", p.data().columns().toString()));
    facts.add(
        new Fact(
            "cut", p.data().cutRows().count() == 0 ? "no row" : p.data().cutRows().toString()));
    facts.add(
        new Fact(
            "beginning",
            p.ends().begunTwice() == 0
                ? "once"
                : "twice in " + Count.of(p.ends().begunTwice(), "row")));
    facts.add(
        new Fact(
            "end token",
            format("trained in %,d of %s", p.ends().ended(), Count.of(p.data().rows(), "row"))));
    if (p.data().untrainedRows() > 0) {
      facts.add(
          new Fact("nothing", Count.of(p.data().untrainedRows(), "row") + " with nothing trained"));
    }
    p.flaws().lines().forEach(line -> facts.add(new Fact("check", line)));
    facts.add(new Fact("run", run(p)));
    facts.add(
        new Fact(
            "lengths",
            format("median %,d, longest %,d tokens", p.lengths().median(), p.lengths().longest())));
    return facts;
  }

  private static String run(Preview p) {
    Double hours = p.hours();
    Double cost = p.cost();
    return format(
        "%s in %s%s",
        Count.of(p.runTokens(), "token"),
        Count.of(p.steps(), "step"),
        hours == null || cost == null
            ? "; --price-per-hour says what they cost, nudge plan how long they take"
            : format(", %.2f hours, cost %.2f", hours, cost));
  }

  private static String format(String text, Object... values) {
    return String.format(Locale.ROOT, text, values);
  }
}
