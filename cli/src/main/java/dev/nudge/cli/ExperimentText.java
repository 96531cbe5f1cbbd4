package dev.nudge.cli;

import dev.nudge.format.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import tools.jackson.databind.JsonNode;

/// Writes the report of an experiment for people.
final class ExperimentText {
  private static final int GAP = 2;
  private static final List<String> METRICS =
      List.of("score", "error_rate", "empty_rate", "length", "seconds_per_token");

  private ExperimentText() {}

  /// A line for each, their heads first.
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
    return table(rows);
  }

  /// All that a report has.
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
      lines.add(comparison(comparison));
    }
    for (JsonNode guardrail : report.path("guardrails")) {
      lines.add(
          "%s guardrail %s of %s, tolerance %s: p = %s"
              .formatted(
                  guardrail.path("alarm").asBoolean() ? "broken" : "kept",
                  text(guardrail, "metric"),
                  text(guardrail, "arm"),
                  number(guardrail.path("tolerance")),
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
    lines.add(
        "units by weight: chi-square %s, p = %s"
            .formatted(
                number(report.at("/sample_ratio/chi_square")),
                number(report.at("/sample_ratio/p"))));
    return lines;
  }

  private static List<String> list(List<JsonNode> one) {
    return list(Json.tree(one));
  }

  private static List<String> arms(JsonNode arms) {
    List<List<String>> rows = new ArrayList<>();
    List<String> heads = new ArrayList<>(List.of("ARM", "ADAPTER", "DIGEST", "UNITS", "REQUESTS"));
    METRICS.forEach(metric -> heads.add(metric.replace('_', ' ').toUpperCase(Locale.ROOT)));
    heads.addAll(List.of("FIRST TOKEN P50", "P95"));
    rows.add(heads);
    for (JsonNode arm : arms) {
      List<String> row = new ArrayList<>();
      row.add(text(arm, "name"));
      row.add(text(arm, "adapter"));
      row.add(digest(arm.path("digest").asString("-")));
      row.add(count(arm, "units"));
      row.add(count(arm, "requests"));
      METRICS.forEach(metric -> row.add(number(arm.path("metrics").path(metric).path("value"))));
      row.add(number(arm.at("/first_token_seconds/p50/value")));
      row.add(number(arm.at("/first_token_seconds/p95/value")));
      rows.add(row);
    }
    return table(rows);
  }

  private static String digest(String digest) {
    int start = digest.indexOf(':') + 1;
    return digest.substring(start, Math.min(digest.length(), start + 12));
  }

  private static String comparison(JsonNode comparison) {
    String line =
        "%s of %s less that of %s: %s, interval %s to %s, p = %s"
            .formatted(
                text(comparison, "metric"),
                text(comparison, "arm"),
                text(comparison, "against"),
                number(comparison.path("difference")),
                number(comparison.path("low")),
                number(comparison.path("high")),
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

  private static List<String> table(List<List<String>> rows) {
    int columns = rows.getFirst().size();
    int[] widths = new int[columns];
    for (List<String> row : rows) {
      for (int i = 0; i < columns; i++) {
        widths[i] = Math.max(widths[i], row.get(i).length() + GAP);
      }
    }
    List<String> lines = new ArrayList<>();
    for (List<String> row : rows) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < columns; i++) {
        line.append(row.get(i)).append(" ".repeat(widths[i] - row.get(i).length()));
      }
      lines.add(line.toString().stripTrailing());
    }
    return lines;
  }
}
