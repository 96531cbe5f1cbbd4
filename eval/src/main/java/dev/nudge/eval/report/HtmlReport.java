package dev.nudge.eval.report;

import dev.nudge.eval.gate.Digests;
import dev.nudge.eval.gate.GateResult;
import dev.nudge.eval.gate.RuleResult;
import dev.nudge.eval.judge.Agreement;
import dev.nudge.eval.judge.Choice;
import dev.nudge.eval.judge.JudgeResult;
import dev.nudge.eval.report.ReportView.Pair;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Renders a report as one self-contained HTML file: no script, font, picture or external
/// resource, and a content security policy that forbids all of these.
final class HtmlReport {
  private static final String POLICY = "default-src 'none'; style-src 'unsafe-inline'";

  private final Markup html = new Markup();
  private final ReportView view;

  private HtmlReport(ReportView view) {
    this.view = view;
  }

  /// Renders the file; equal data give equal text.
  static String of(ReportView view) {
    return new HtmlReport(view).all();
  }

  private String all() {
    ReportData data = view.data();
    html.open("html", "lang", "en").open("head");
    html.element("meta", "", "charset", "utf-8");
    html.element("meta", "", "name", "viewport", "content", "width=device-width, initial-scale=1");
    html.element("meta", "", "http-equiv", "Content-Security-Policy", "content", POLICY);
    html.element("title", "Evaluation of " + data.title());
    html.style(ReportStyle.CSS).close("head").open("body");
    html.element("a", "Skip to the results", "class", "skip", "href", "#results");
    header(data);
    html.open("main");
    if (data.gate() != null) {
      gate(data.gate());
    }
    html.open("section", "id", "results", "aria-labelledby", "results-head");
    html.element("h2", "Results", "id", "results-head");
    view.pairs().forEach(this::results);
    html.close("section");
    if (data.judge() != null) {
      judge(data.judge());
    }
    for (int i = 0; i < view.pairs().size(); i++) {
      new HtmlTasks(html, view.pairs().get(i), i).all();
    }
    settings(data);
    html.close("main").close("body").close("html");
    return "<!DOCTYPE html>\n" + html.all();
  }

  private void header(ReportData data) {
    html.open("header");
    html.open("h1").text("Evaluation of ").element("bdi", data.title()).close("h1");
    html.open("p");
    if (data.gate() != null) {
      badge(data.gate().verdict().name());
      html.text(" ");
    }
    html.element("span", "made " + data.at(), "class", "soft").close("p");
    view.adapters()
        .forEach(
            (name, adapter) ->
                html.open("p", "class", "soft")
                    .element("b", name)
                    .text(": ")
                    .element("bdi", adapter)
                    .close("p"));
    html.open("nav", "aria-label", "Parts").open("ul");
    if (data.gate() != null) {
      link("#gate", "Gate");
    }
    link("#results", "Results");
    if (data.judge() != null) {
      link("#judge", "Judge");
    }
    for (int i = 0; i < view.pairs().size(); i++) {
      link("#tasks-" + i, view.pairs().size() == 1 ? "Tasks" : "Tasks: " + name(i));
    }
    link("#settings", "Settings and digests");
    html.close("ul").close("nav").close("header");
  }

  private String name(int pair) {
    return title(view.pairs().get(pair));
  }

  static String title(Pair pair) {
    return pair.before() == null ? pair.after() : pair.before() + " → " + pair.after();
  }

  private void link(String to, String text) {
    html.open("li").element("a", text, "href", to).close("li");
  }

  private void badge(String verdict) {
    html.element("span", verdict, "class", "badge " + verdict.toLowerCase(Locale.ROOT));
  }

  private void gate(GateResult gate) {
    html.open("section", "id", "gate", "aria-labelledby", "gate-head");
    html.element("h2", "Gate", "id", "gate-head");
    html.open("p").text("Policy ").element("bdi", gate.policy()).text(", judged " + gate.at());
    html.close("p");
    html.table("Rules of the policy", List.of("Rule", "Verdict", "What was found"), 3);
    for (RuleResult rule : gate.rules()) {
      html.row(rule.rule().name()).open("td");
      badge(rule.verdict().name());
      html.close("td").open("td", "class", "says").element("bdi", rule.sentence()).close("td");
      html.close("tr");
    }
    html.endTable();
    html.close("section");
  }

  private void results(Pair pair) {
    if (view.pairs().size() > 1) {
      html.element("h3", title(pair));
    }
    if (pair.before() == null) {
      alone(pair);
      groups(pair);
      return;
    }
    html.table(
        "Before is %s, after is %s; intervals at 95 %%, p two-sided, by Holm over all lines with a p"
            .formatted(pair.before(), pair.after()),
        List.of(
            "Task",
            "Metric",
            "n",
            "Before",
            "After",
            "Difference",
            "Interval",
            "p",
            "p by Holm",
            "Fixed / broken",
            "Shown"),
        2);
    pair.rows().forEach(this::row);
    html.endTable();
    groups(pair);
    ReportView.byAxis(pair.rows())
        .forEach(
            (axis, rows) -> {
              html.open("figure")
                  .open(
                      "div",
                      "class",
                      "wide forest",
                      "tabindex",
                      "0",
                      "role",
                      "region",
                      "aria-label",
                      "Plot of the gains" + (axis.isEmpty() ? "" : " of " + axis));
              ForestSvg.of(
                  html,
                  rows,
                  "Gains with intervals at 95 %: "
                      + String.join(
                          "; ",
                          rows.stream()
                              .map(
                                  r ->
                                      "%s %s %s"
                                          .formatted(
                                              r.task(), r.metricShown(), Shown.signed(r.gain())))
                              .toList()));
              html.close("div")
                  .element(
                      "figcaption",
                      axis.isEmpty()
                          ? "Gains of scores from 0 to 1, towards the better side, with intervals"
                              + " at 95 %; filled where a difference is shown: p by Holm below"
                              + " 0.05"
                          : "Gains of " + axis + " in its own unit, towards the better side");
              html.close("figure");
            });
  }

  private void row(ResultRow row) {
    html.row(row.task()).open("td", "class", "m").element("bdi", row.metricShown());
    if (!row.metric().higherIsBetter()) {
      html.element("br", "").element("span", "less is better", "class", "soft");
    }
    html.close("td");
    row.numbers(true).forEach(html::number);
    if (row.counted()) {
      html.open("td", "class", "n");
      html.element("span", Shown.count(row.fixed()), "class", "fixed-count").text(" / ");
      html.element("span", Shown.count(row.broken()), "class", "broken-count").close("td");
    } else {
      html.number(Shown.NONE);
    }
    ResultRow.Meaning meaning = row.meaning();
    html.element(
        "td",
        meaning.sign() + " " + meaning.word(),
        "class",
        "n " + meaning.name().toLowerCase(Locale.ROOT));
    html.close("tr");
  }

  private void groups(Pair pair) {
    if (pair.groups().isEmpty()) {
      return;
    }
    boolean paired = pair.before() != null;
    html.table(
        "Groups of tasks: the means that their files name"
            + (paired ? "; intervals at 95 %, by resamples that draw each task apart" : ""),
        paired
            ? List.of("Group", "Metric", "n", "Before", "After", "Difference", "Interval", "p")
            : List.of("Group", "Metric", "n", "Number"),
        2);
    for (ReportView.GroupRow row : pair.groups()) {
      html.row(row.group()).open("td").element("bdi", row.metric()).close("td");
      row.numbers(paired).forEach(html::number);
      html.close("tr");
    }
    html.endTable();
  }

  private void alone(Pair pair) {
    html.table(
        "Numbers of the model alone; intervals at 95 %",
        List.of("Task", "Metric", "n", "Number", "Interval"), 2);
    for (ResultRow row : pair.rows()) {
      html.row(row.task()).open("td").element("bdi", row.metricShown()).close("td");
      row.numbers(false).forEach(html::number);
      html.close("tr");
    }
    html.endTable();
  }

  private void settings(ReportData data) {
    html.open("section", "id", "settings", "aria-labelledby", "settings-head");
    html.element("h2", "Settings and digests", "id", "settings-head");
    if (!data.settings().isEmpty()) {
      pairs("Settings", data.settings());
    }
    Map<String, String> digests = digests(data.digests());
    if (!digests.isEmpty()) {
      pairs("Digests", digests);
    }
    html.element(
        "p",
        "%s requests of all models, %s of them asked in this run, in %s seconds."
            .formatted(
                Shown.count(data.outcome().requests()),
                Shown.count(data.outcome().asked()),
                String.format(Locale.ROOT, "%.1f", data.outcome().seconds())),
        "class",
        "soft");
    html.close("section");
  }

  private void pairs(String caption, Map<String, String> of) {
    html.table(caption, List.of("What", "Value"), 2);
    of.forEach(
        (name, value) -> {
          html.open("tr").open("th", "scope", "row").element("bdi", name).close("th");
          html.open("td").element("code", value).close("td").close("tr");
        });
    html.endTable();
  }

  /// Returns the digests by label.
  static Map<String, String> digests(@Nullable Digests digests) {
    Map<String, String> all = new LinkedHashMap<>();
    if (digests == null) {
      return all;
    }
    all.put("base", digests.base());
    new TreeMap<>(digests.adapter()).forEach((name, digest) -> all.put("adapter: " + name, digest));
    all.put("tokenizer", digests.tokenizer());
    String template = digests.chatTemplate();
    all.put("chat template", template == null ? "none: prompts are plain text" : template);
    new TreeMap<>(digests.tasks()).forEach((name, digest) -> all.put("task: " + name, digest));
    new TreeMap<>(digests.data()).forEach((name, digest) -> all.put("documents: " + name, digest));
    new TreeMap<>(digests.settings()).forEach((name, value) -> all.put("setting: " + name, value));
    all.put("seed", String.valueOf(digests.seed()));
    all.put("policy", digests.policy());
    return all;
  }

  /// Win rates, caveats, and agreement with human labels.
  private void judge(JudgeResult judge) {
    html.open("section", "id", "judge", "aria-labelledby", "judge-head");
    html.element("h2", "Judge", "id", "judge-head");
    html.open("p").text("Each pair of answers was shown to ");
    html.element("bdi", JudgeView.name(judge)).text(" in both orders.").close("p");
    if (!judge.compared().isEmpty()) {
      table(
          "Win rates: wins and half of the ties over all pairs that could be read; intervals at 95"
              + " %, p of the sign test, or of a bootstrap of clusters",
          JudgeView.COLUMNS, JudgeView.rows(judge), 2);
      html.element(
          "p",
          "Contradictory: pairs whose two verdicts do not agree; they are ties. First position:"
              + " verdicts that name the answer that stood first; half of them where order does not"
              + " matter. Longer wins: decided pairs that the longer answer wins.",
          "class",
          "soft");
    }
    if (judge.agreement() != null) {
      table(
          "Agreement with people; intervals at 95 %",
          JudgeView.AGREEMENT, JudgeView.agreement(judge.agreement()), 1);
      confusion(judge.agreement());
      html.element("p", JudgeView.order(judge.agreement().order()), "class", "soft");
    }
    html.close("section");
  }

  private void table(String caption, List<String> columns, List<List<String>> rows, int texts) {
    html.table(caption, columns, texts);
    for (List<String> cells : rows) {
      html.row(cells.getFirst());
      for (int i = 1; i < cells.size(); i++) {
        html.element("td", cells.get(i), "class", i < texts ? "t" : "n");
      }
      html.close("tr");
    }
    html.endTable();
  }

  private void confusion(Agreement agreement) {
    html.table(
        "What people say, and what the judge says of the same pairs",
        List.of("People say", "Judge says a", "Judge says b", "Judge says tie"),
        1);
    for (Choice label : Choice.values()) {
      html.open("tr").element("th", label.word(), "scope", "row", "class", "name");
      for (int count : Objects.requireNonNull(agreement.table().get(label.ordinal()))) {
        html.element("td", Shown.count(count), "class", "n");
      }
      html.close("tr");
    }
    html.endTable();
  }

  /// The report's style sheet: light and dark scheme, print, narrow windows. No information is in
  /// colour alone.
  private static final class ReportStyle {
    static final String CSS =
        """
        :root { color-scheme: light dark; --paper: #fff; --ink: #1d2126; --soft: #5a6270; --line: #d8dce2; --panel: #f5f6f8;
          --good: #1a7a3c; --bad: #b3261e; --open: #6b6200; --before: #9a5b12; --after: #1f5fa8; }
        @media (prefers-color-scheme: dark) {
          :root { --paper: #14171b; --ink: #e4e7eb; --soft: #a2abb8; --line: #363c45; --panel: #1d2127;
            --good: #6fd08c; --bad: #ff8a80; --open: #e0cf5a; --before: #eab06a; --after: #7fb6f2; } }
        * { box-sizing: border-box }
        body { margin: 0 auto; max-width: 80rem; padding: 1rem 1.25rem 4rem; background: var(--paper); color: var(--ink);
          font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
        h1 { font-size: 1.6rem; margin: .5rem 0 } h2 { font-size: 1.25rem; margin: 2.25rem 0 .5rem; border-bottom: 1px solid var(--line) }
        h3 { font-size: 1.08rem; margin: 1.75rem 0 .4rem } h4 { font-size: 1rem; margin: 1.1rem 0 .3rem }
        p { margin: .4rem 0 } .soft { color: var(--soft); font-size: .9rem } a { color: var(--after) }
        .skip { position: absolute; left: -999rem } .skip:focus { position: static }
        nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; padding: 0; margin: .5rem 0 }
        .wide { overflow-x: auto; margin: .5rem 0 }
        table { border-collapse: collapse; font-size: .9rem; overflow-wrap: break-word } th, td { padding: .3rem .55rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top }
        thead th { border-bottom: 2px solid var(--line); white-space: nowrap } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; overflow-wrap: normal }
        caption { text-align: left; color: var(--soft); font-size: .9rem; padding: .2rem 0 .4rem }
        td.name, th.name { min-width: 7rem } td.better, td.worse, td.open, td.m { white-space: nowrap } td.says { min-width: 20rem }
        .badge { display: inline-block; padding: .1rem .6rem; border: 2px solid currentColor; border-radius: .4rem; font-weight: 700; white-space: nowrap }
        .pass, .better { color: var(--good) } .fail, .worse { color: var(--bad) } .inconclusive { color: var(--open) } .open { color: var(--soft) }
        .fixed-count { color: var(--good) } .broken-count { color: var(--bad) }
        details { border: 1px solid var(--line); border-radius: .4rem; margin: .35rem 0; background: var(--panel) }
        summary { cursor: pointer; padding: .35rem .7rem } summary:focus-visible, .wide:focus-visible, a:focus-visible { outline: 3px solid var(--after); outline-offset: 2px }
        details .in { padding: .2rem .9rem .8rem }
        pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .2rem 0 .7rem; padding: .5rem .7rem; background: var(--paper); border: 1px solid var(--line);
          border-radius: .3rem; font: .86rem/1.45 ui-monospace, monospace; max-height: 24rem; overflow: auto; unicode-bidi: isolate }
        bdi, code { unicode-bidi: isolate } code { font: .88em ui-monospace, monospace }
        .plots { display: flex; flex-wrap: wrap; gap: 1rem 2rem; align-items: flex-start } figure { margin: .4rem 0; max-width: 100% } .plots figure { max-width: 22rem } .forest svg { min-width: 44rem } figcaption { color: var(--soft); font-size: .9rem }
        svg { display: block; max-width: 100%; height: auto } svg text { fill: var(--ink); font: 13px system-ui, sans-serif } svg .soft { fill: var(--soft); font-size: 12px }
        svg .grid { stroke: var(--line) } svg .zero { stroke: var(--soft); stroke-dasharray: 4 3 } svg .better { stroke: var(--good); fill: var(--good) }
        svg .worse { stroke: var(--bad); fill: var(--bad) } svg .open { stroke: var(--soft); fill: var(--paper) } svg .bar { stroke-width: 2 } svg .mark { stroke-width: 2 }
        svg .before { stroke: var(--before); fill: var(--paper) } svg .after { stroke: var(--after); fill: var(--after) } svg .join { fill: none; stroke-width: 1.5 }
        @media print { body { max-width: none } details { break-inside: avoid } nav, .skip { display: none } }
        """;

    private ReportStyle() {}
  }
}
