package dev.nudge.cli.serve;

import dev.nudge.cli.console.TextTable;
import dev.nudge.format.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import tools.jackson.databind.JsonNode;

/// Formats experiment reports for a terminal.
final class ExperimentText {

  private ExperimentText() {}

  /// Returns a line per experiment below a header.
  static List<String> list(JsonNode all) {
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("NAME", "MODE", "STATE", "VERDICT", "UNITS", "REQUESTS"));
    for (JsonNode one : all) {
      rows.add(
          List.of(
              text(one, "name"),
              text(one, "mode")
                  + (one.has("percent") ? " " + one.get("percent").asInt() + " %" : ""),
              text(one, "state"),
              verdict(one),
              count(one, "units"),
              count(one, "requests")));
    }
    return TextTable.lines(rows);
  }

  /// Returns the full report.
  static List<String> whole(JsonNode report) {
    List<String> lines = new ArrayList<>();
    lines.addAll(list(List.of(report)));
    lines.add("");
    lines.add(report.at("/verdict/reason").asString());
    JsonNode stopped = report.path("stopped");
    if (stopped.isObject()) {
      lines.add(
          "stopped %s: %s; %s answers to its name"
              .formatted(text(stopped, "at"), text(stopped, "reason"), text(stopped, "arm")));
      if (stopped.path("rolled_back").isString()) {
        lines.add("rolled back: " + text(stopped, "rolled_back"));
      }
      if (stopped.path("rollback_error").isString()) {
        lines.add("not rolled back: " + text(stopped, "rollback_error"));
      }
    }
    lines.add("");
    lines.addAll(arms(report.path("arms")));
    lines.add("");
    for (JsonNode comparison : report.path("comparisons")) {
      lines.add(comparison(text(report, "metric_name"), comparison));
    }
    for (JsonNode guardrail : report.path("guardrails")) {
      lines.add(
          "guardrail %s of %s, tolerance %s: %s, p = %s"
              .formatted(
                  text(guardrail, "metric"),
                  text(guardrail, "arm"),
                  number(guardrail.path("tolerance")),
                  guardrail.path("alarm").asBoolean() ? "alarm" : "no alarm",
                  number(guardrail.path("p_adjusted"))));
    }
    JsonNode pairs = report.path("pairs");
    if (pairs.isObject()) {
      lines.add(
          "pairs %s: won %s, lost %s, tied %s, equal answers %s"
              .formatted(
                  count(pairs, "count"),
                  count(pairs, "wins"),
                  count(pairs, "losses"),
                  count(pairs, "ties"),
                  number(pairs.path("equal_answers"))));
    }
    JsonNode ratio = report.path("sample_ratio");
    if (text(report, "mode").equals("shadow")) {
      return lines; // every unit gets both arms
    }
    lines.add(
        ratio.path("degrees").asInt() == 0
            ? "units by weight: too few to say"
            : "units by weight: chi-square %s, p = %s"
                .formatted(number(ratio.path("chi_square")), number(ratio.path("p"))));
    return lines;
  }

  private static List<String> list(List<JsonNode> one) {
    return list(Json.tree(one));
  }

  /// Returns a table of figures with a column per arm.
  private static List<String> arms(JsonNode arms) {
    List<List<String>> rows = new ArrayList<>();
    rows.add(row("ARM", arms, arm -> text(arm, "name")));
    rows.add(row("adapter", arms, arm -> text(arm, "adapter")));
    rows.add(row("digest", arms, arm -> digest(arm.path("digest").asString("-"))));
    rows.add(row("units", arms, arm -> count(arm, "units")));
    rows.add(row("requests", arms, arm -> count(arm, "requests")));
    JsonNode figures = arms.path(0).path("figures");
    for (int i = 0; i < figures.size(); i++) {
      int index = i;
      rows.add(
          row(
              text(figures.get(i), "name"),
              arms,
              arm -> text(arm.path("figures").path(index), "text")));
    }
    return TextTable.lines(rows);
  }

  private static List<String> row(String head, JsonNode arms, Function<JsonNode, String> cell) {
    List<String> row = new ArrayList<>(List.of(head));
    arms.forEach(arm -> row.add(cell.apply(arm)));
    return row;
  }

  private static String digest(String digest) {
    int start = digest.indexOf(':') + 1;
    return digest.substring(start, Math.min(digest.length(), start + 12));
  }

  private static String comparison(String metric, JsonNode comparison) {
    String arms = text(comparison, "arm") + " less " + text(comparison, "against");
    if (comparison.path("note").isString()) {
      return "%s, %s: %s".formatted(metric, arms, text(comparison, "note"));
    }
    String line =
        "%s, %s: %s, interval %s, p = %s"
            .formatted(
                metric,
                arms,
                text(comparison, "difference_text"),
                text(comparison, "interval_text"),
                number(comparison.path("p_adjusted")));
    return comparison.path("chance_higher").isNumber()
        ? line
            + "; higher with probability %s, expected loss %s"
                .formatted(
                    number(comparison.path("chance_higher")),
                    number(comparison.path("expected_loss")))
        : line;
  }

  private static String verdict(JsonNode report) {
    String arm = report.at("/verdict/arm").asString("");
    String state = report.at("/verdict/state").asString();
    return arm.isEmpty() ? state : arm + " " + state;
  }

  private static String text(JsonNode node, String key) {
    return node.path(key).asString("-");
  }

  private static String count(JsonNode node, String key) {
    return "%,d".formatted(node.path(key).asLong());
  }

  private static String number(JsonNode value) {
    return value.isNumber() ? String.format(Locale.ROOT, "%.4g", value.asDouble()) : "-";
  }
}
