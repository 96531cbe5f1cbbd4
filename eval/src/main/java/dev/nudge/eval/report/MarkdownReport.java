package dev.nudge.eval.report;

import dev.nudge.eval.gate.GateResult;
import dev.nudge.eval.gate.RuleResult;
import dev.nudge.eval.judge.JudgeResult;
import dev.nudge.eval.report.ReportView.Pair;
import dev.nudge.eval.report.ReportView.TaskView;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/// Renders a report as Markdown for a merge request (GitHub, GitLab). Texts are escaped as code,
/// where emphasis, links, pictures, mentions and HTML have no effect.
final class MarkdownReport {
  /// Most documents shown per task and kind.
  static final int MOST = 3;

  private static final int LONGEST = 600; // characters of a prompt or an answer
  private static final Pattern TICKS = Pattern.compile("`+");

  private final StringBuilder out = new StringBuilder();
  private final ReportView view;

  private MarkdownReport(ReportView view) {
    this.view = view;
  }

  /// Renders the file; equal data give equal text.
  static String of(ReportView view) {
    return new MarkdownReport(view).all();
  }

  private String all() {
    ReportData data = view.data();
    line("# Evaluation of " + code(data.title()));
    line("");
    view.adapters().forEach((name, adapter) -> line("- " + name + ": " + code(adapter)));
    line("- made " + data.at());
    GateResult gate = data.gate();
    if (gate != null) {
      gate(gate);
    }
    line("");
    line("## Results");
    view.pairs().forEach(this::results);
    if (data.judge() != null) {
      judge(data.judge());
    }
    view.pairs().forEach(this::tasks);
    line("");
    line("## Settings and digests");
    pairs("setting", data.settings());
    pairs("digest of", HtmlReport.digests(data.digests()));
    line("");
    line(
        "%s requests of all models, %s of them asked in this run, in %s seconds."
            .formatted(
                Shown.count(data.outcome().requests()),
                Shown.count(data.outcome().asked()),
                String.format(Locale.ROOT, "%.1f", data.outcome().seconds())));
    return out.toString();
  }

  private void line(String line) {
    out.append(line).append('\n');
  }

  private void table(List<String> columns, int texts) {
    line("");
    line("| " + String.join(" | ", columns) + " |");
    StringBuilder ruler = new StringBuilder("|");
    for (int i = 0; i < columns.size(); i++) {
      ruler.append(i < texts ? "---|" : "---:|");
    }
    line(ruler.toString());
  }

  private void row(String... cells) {
    line("| " + String.join(" | ", cells) + " |");
  }

  private static String cells(List<String> numbers) {
    return String.join(" | ", numbers).replace("<", "&lt;");
  }

  private void judge(JudgeResult judge) {
    line("");
    line("## Judge");
    line("");
    line("By " + code(JudgeView.name(judge)) + ".");
    if (!judge.compared().isEmpty()) {
      table(JudgeView.COLUMNS, 2);
      JudgeView.rows(judge)
          .forEach(
              row -> row(code(row.getFirst()), String.join(" | ", row.subList(1, row.size()))));
    }
    if (judge.agreement() != null) {
      table(JudgeView.AGREEMENT, 1);
      JudgeView.agreement(judge.agreement()).forEach(row -> row(String.join(" | ", row)));
      line("");
      line(JudgeView.order(judge.agreement().order()));
    }
  }

  private void gate(GateResult gate) {
    line("");
    line("## Gate: " + gate.verdict().name());
    line("");
    line("Policy " + code(gate.policy()) + ", judged " + gate.at() + ".");
    table(List.of("rule", "verdict", "what was found"), 3);
    for (RuleResult rule : gate.rules()) {
      row(code(rule.rule().name()), "**" + rule.verdict().name() + "**", code(rule.sentence()));
    }
  }

  private void results(Pair pair) {
    if (view.pairs().size() > 1) {
      line("");
      line("### " + HtmlReport.title(pair));
    }
    if (pair.before() == null) {
      table(List.of("task", "metric", "n", "number", "95 % interval"), 2);
      for (ResultRow row : pair.rows()) {
        row(code(row.task()), code(row.metricShown()), cells(row.numbers(false)));
      }
      groups(pair);
      return;
    }
    table(
        List.of(
            "task",
            "metric",
            "n",
            "before",
            "after",
            "difference",
            "95 % interval",
            "p",
            "p by Holm",
            "fixed / broken",
            "shown"),
        2);
    for (ResultRow row : pair.rows()) {
      row(
          code(row.task()),
          code(row.metricShown()) + (row.metric().higherIsBetter() ? "" : " (less is better)"),
          cells(row.numbers(true)),
          row.counted() ? Shown.count(row.fixed()) + " / " + Shown.count(row.broken()) : Shown.NONE,
          row.meaning().sign() + " " + row.meaning().word());
    }
    groups(pair);
  }

  private void groups(Pair pair) {
    if (pair.groups().isEmpty()) {
      return;
    }
    boolean paired = pair.before() != null;
    table(
        paired
            ? List.of("group", "metric", "n", "before", "after", "difference", "95 % interval", "p")
            : List.of("group", "metric", "n", "number"),
        2);
    for (ReportView.GroupRow row : pair.groups()) {
      row(code(row.group()), code(row.metric()), cells(row.numbers(paired)));
    }
  }

  private void tasks(Pair pair) {
    for (TaskView task : pair.tasks()) {
      line("");
      line("## %s, %s".formatted(code(task.name()), Shown.documents(task.documents())));
      Reliability after = task.after();
      Reliability before = task.before();
      if (after != null) {
        line("");
        line(
            "ECE (ten bins of equal width): %s%s."
                .formatted(
                    before == null ? "" : Shown.number(before.ece()) + " before, ",
                    Shown.number(after.ece()) + (before == null ? "" : " after")));
      }
      task.subgroups()
          .forEach(
              (column, slices) ->
                  slices(pair, code(column), slices, task.left().getOrDefault(column, 0)));
      if (task.leaks() != null) {
        line("");
        line("Leakage: " + HtmlTasks.leakage(task.leaks()) + ".");
        slices(pair, "documents", task.leaks().slices(), 0);
      }
      boolean counted = task.flips().counted();
      flips(counted ? "Fixed" : "Better", task.flips().better());
      flips(counted ? "Broken" : "Worse", task.flips().worse());
    }
  }

  private void slices(Pair pair, String column, List<Subgroup> slices, int left) {
    boolean paired = pair.before() != null;
    table(
        paired
            ? List.of(column, "n", "before", "after", "difference", "95 % interval")
            : List.of(column, "n", "number", "95 % interval"),
        1);
    for (Subgroup slice : slices) {
      row(code(slice.name()), cells(slice.numbers(paired)));
    }
    if (left > 0) {
      line("");
      line(left + " more values are not shown.");
    }
    if (slices.stream().anyMatch(Subgroup::ofOne)) {
      line("");
      line("Intervals of rows within one cluster are over their documents.");
    }
  }

  private void flips(String word, List<Flip> flips) {
    if (flips.isEmpty()) {
      return;
    }
    String more = flips.size() <= MOST ? "" : ", the first %s shown".formatted(MOST);
    line("");
    line("<details><summary>" + word + ": " + Shown.documents(flips.size()) + more + "</summary>");
    for (Flip flip : flips.subList(0, Math.min(MOST, flips.size()))) {
      line("");
      line(
          "**Document %s**, %s → %s; prompt, target, answer before, answer after:"
              .formatted(flip.id(), Shown.number(flip.first()), Shown.number(flip.second())));
      for (String text :
          List.of(flip.prompt(), flip.target(), flip.saidBefore(), flip.saidAfter())) {
        line("");
        out.append(block(Shown.cut(text, LONGEST)));
      }
    }
    line("");
    line("</details>");
  }

  private void pairs(String what, Map<String, String> values) {
    if (!values.isEmpty()) {
      table(List.of(what, "value"), 2);
      values.forEach((name, value) -> row(code(name), code(value)));
    }
  }

  /// Inline code, also within a table cell.
  static String code(String text) {
    String line = clean(text).replaceAll("\\s+", " ").strip();
    line = line.replace("\\|", "\\ |").replace("|", "\\|"); // two backslashes would end a cell
    if (line.isEmpty()) {
      return Shown.NONE;
    }
    String fence = "`".repeat(longest(line) + 1);
    boolean space = line.startsWith("`") || line.endsWith("`");
    return fence + (space ? " " : "") + line + (space ? " " : "") + fence;
  }

  /// Returns a code block.
  static String block(String text) {
    String clean = clean(text);
    String fence = "`".repeat(Math.max(3, longest(clean) + 1));
    return fence
        + "text\n"
        + (clean.isEmpty() ? "(empty)" : clean.stripTrailing())
        + "\n"
        + fence
        + "\n";
  }

  private static int longest(String text) {
    return TICKS.matcher(text).results().mapToInt(m -> m.end() - m.start()).max().orElse(0);
  }

  /// Removes unprintable characters.
  private static String clean(String text) {
    StringBuilder clean = new StringBuilder();
    text.replace("\r\n", "\n")
        .codePoints()
        .forEach(
            c -> {
              boolean control =
                  Character.isISOControl(c) && c != '\n' && c != '\t'
                      || Character.getType(c) == Character.SURROGATE
                      || c >= 0x202A && c <= 0x202E
                      || c >= 0x2066 && c <= 0x2069;
              clean.appendCodePoint(control ? 0xFFFD : c);
            });
    return clean.toString();
  }
}
