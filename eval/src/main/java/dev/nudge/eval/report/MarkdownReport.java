package dev.nudge.eval.report;

import dev.nudge.eval.gate.GateResult;
import dev.nudge.eval.gate.RuleResult;
import dev.nudge.eval.judge.JudgeResult;
import dev.nudge.eval.report.ReportView.Pair;
import dev.nudge.eval.report.ReportView.TaskView;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// Renders a report as Markdown for a merge request (GitHub, GitLab).
final class MarkdownReport {
  /// Most documents shown per task and kind.
  static final int MOST = 3;

  private static final int LONGEST = 600; // characters of a prompt or an answer

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
    line("# Evaluation of " + MarkdownText.code(data.title()));
    line("");
    view.adapters()
        .forEach((name, adapter) -> line("- " + name + ": " + MarkdownText.code(adapter)));
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
    StringBuilder under = new StringBuilder("|");
    for (int i = 0; i < columns.size(); i++) {
      under.append(i < texts ? "---|" : "---:|");
    }
    line(under.toString());
  }

  private void row(Object... cells) {
    StringBuilder row = new StringBuilder("|");
    for (Object cell : cells) {
      row.append(' ').append(cell).append(" |");
    }
    line(row.toString());
  }

  private void judge(JudgeResult judge) {
    line("");
    line("## Judge");
    line("");
    line("By " + MarkdownText.code(JudgeView.name(judge)) + ".");
    if (!judge.compared().isEmpty()) {
      table(JudgeView.COLUMNS, 2);
      JudgeView.rows(judge).forEach(cells -> rowOf(MarkdownText.code(cells.getFirst()), cells));
    }
    if (judge.agreement() != null) {
      table(JudgeView.AGREEMENT, 1);
      JudgeView.agreement(judge.agreement()).forEach(cells -> rowOf(cells.getFirst(), cells));
      line("");
      line(JudgeView.order(judge.agreement().order()));
    }
  }

  /// A row whose first cell is already formatted.
  private void rowOf(String first, List<String> cells) {
    List<Object> all = new ArrayList<>(cells);
    all.set(0, first);
    row(all.toArray());
  }

  private void gate(GateResult gate) {
    line("");
    line("## Gate: " + gate.verdict().name());
    line("");
    line("Policy " + MarkdownText.code(gate.policy()) + ", judged " + gate.at() + ".");
    table(List.of("rule", "verdict", "what was found"), 3);
    for (RuleResult rule : gate.rules()) {
      row(
          MarkdownText.code(rule.rule().name()),
          "**" + rule.verdict().name() + "**",
          MarkdownText.code(rule.sentence()));
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
        row(
            MarkdownText.code(row.task()),
            MarkdownText.code(row.metricShown()),
            row.documentsShown(),
            Shown.number(row.after()),
            Shown.range(row.low(), row.high()));
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
          MarkdownText.code(row.task()),
          MarkdownText.code(row.metricShown())
              + (row.metric().higherIsBetter() ? "" : " (less is better)"),
          row.documentsShown(),
          Shown.number(row.before()),
          Shown.number(row.after()),
          Shown.signed(row.value()),
          Shown.interval(row.low(), row.high()),
          Shown.p(row.p()).replace("<", "&lt;"),
          Shown.p(row.adjusted()).replace("<", "&lt;"),
          row.counted() ? Shown.count(row.fixed()) + " / " + Shown.count(row.broken()) : Shown.NONE,
          row.meaning().sign() + " " + row.meaning().word());
    }
    groups(pair);
  }

  private void groups(Pair pair) {
    if (pair.groups().isEmpty()) {
      return;
    }
    boolean two = pair.before() != null;
    table(
        two
            ? List.of("group", "metric", "n", "before", "after", "difference", "95 % interval", "p")
            : List.of("group", "metric", "n", "number"),
        2);
    for (ReportView.GroupRow row : pair.groups()) {
      String name = MarkdownText.code(row.group());
      String metric = MarkdownText.code(row.metric());
      String n = Shown.count(row.documents());
      String after = Shown.number(row.after());
      if (two) {
        String difference = Shown.signed(row.after() - row.before());
        row(
            name,
            metric,
            n,
            Shown.number(row.before()),
            after,
            difference,
            Shown.interval(row.low(), row.high()),
            Shown.p(row.p()).replace("<", "&lt;"));
      } else {
        row(name, metric, n, after);
      }
    }
  }

  private void tasks(Pair pair) {
    for (TaskView task : pair.tasks()) {
      line("");
      line(
          "## %s, %s".formatted(MarkdownText.code(task.name()), Shown.documents(task.documents())));
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
                  slices(
                      pair,
                      MarkdownText.code(column),
                      slices,
                      task.left().getOrDefault(column, 0)));
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
    boolean two = pair.before() != null;
    table(
        two
            ? List.of(column, "n", "before", "after", "difference", "95 % interval")
            : List.of(column, "n", "number", "95 % interval"),
        1);
    for (Subgroup slice : slices) {
      String name = MarkdownText.code(slice.name());
      if (two) {
        row(
            name,
            Shown.count(slice.documents()),
            Shown.number(slice.before()),
            Shown.number(slice.after()),
            Shown.signed(slice.difference()),
            Shown.interval(slice.low(), slice.high()));
      } else {
        row(
            name,
            Shown.count(slice.documents()),
            Shown.number(slice.after()),
            Shown.range(slice.low(), slice.high()));
      }
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
        out.append(MarkdownText.block(Shown.cut(text, LONGEST)));
      }
    }
    line("");
    line("</details>");
  }

  private void pairs(String what, Map<String, String> of) {
    if (!of.isEmpty()) {
      table(List.of(what, "value"), 2);
      of.forEach((name, value) -> row(MarkdownText.code(name), MarkdownText.code(value)));
    }
  }
}
