package dev.nudge.eval.report;

import dev.nudge.eval.judge.Agreement;
import dev.nudge.eval.judge.Choice;
import dev.nudge.eval.judge.JudgeResult;
import java.util.List;
import java.util.Objects;

/// Renders judge results: win rates, caveats, and agreement with human labels.
final class HtmlJudge {
  private HtmlJudge() {}

  static void of(Markup html, JudgeResult judge) {
    html.open("section", "id", "judge", "aria-labelledby", "judge-head");
    html.element("h2", "Judge", "id", "judge-head");
    html.open("p").text("Each pair of answers was shown to ");
    html.element("bdi", JudgeView.name(judge)).text(" in both orders.").close("p");
    if (!judge.compared().isEmpty()) {
      table(
          html,
          "Win rates: wins and half of the ties over all pairs that could be read; intervals at 95"
              + " %, p of the sign test, or of a bootstrap of clusters",
          JudgeView.COLUMNS,
          JudgeView.rows(judge),
          2);
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
          html,
          "Agreement with people; intervals at 95 %",
          JudgeView.AGREEMENT,
          JudgeView.agreement(judge.agreement()),
          1);
      confusion(html, judge.agreement());
      html.element("p", JudgeView.order(judge.agreement().order()), "class", "soft");
    }
    html.close("section");
  }

  private static void table(
      Markup html, String caption, List<String> columns, List<List<String>> rows, int texts) {
    HtmlReport.table(html, caption, columns, texts);
    for (List<String> cells : rows) {
      html.open("tr").open("th", "scope", "row", "class", "name");
      html.element("bdi", cells.getFirst()).close("th");
      for (int i = 1; i < cells.size(); i++) {
        html.element("td", cells.get(i), "class", i < texts ? "t" : "n");
      }
      html.close("tr");
    }
    HtmlReport.endTable(html);
  }

  private static void confusion(Markup html, Agreement agreement) {
    HtmlReport.table(
        html,
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
    HtmlReport.endTable(html);
  }
}
