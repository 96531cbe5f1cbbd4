package dev.nudge.cli.adapters;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// The verdict of a gate that a registry keeps with a version, for people and for programs.
final class GateText {
  private GateText() {}

  /// A metric that a rule judged.
  ///
  /// @param before without the adapter; null: the rule does not compare with it
  private record Metric(String task, String metric, @Nullable Double before, double after) {
    String text() {
      return "%s %s %s%s"
          .formatted(task, metric, before == null ? "" : number(before) + " -> ", number(after));
    }
  }

  private static List<Metric> metrics(JsonNode gate) {
    return gate.path("rules")
        .valueStream()
        .filter(rule -> rule.has("metric") && after(rule).isNumber())
        .map(
            rule ->
                new Metric(
                    rule.path("task").asString(""),
                    rule.path("metric").asString(""),
                    rule.path("before").isNumber() ? rule.path("before").asDouble() : null,
                    after(rule).asDouble()))
        .distinct()
        .toList();
  }

  /// The metric with the adapter. Verdicts of an older nudge have it of floors and ceilings alone.
  private static JsonNode after(JsonNode rule) {
    boolean limit = rule.has("at_least") || rule.has("at_most");
    return rule.path(limit && !rule.has("after") ? "value" : "after");
  }

  /// The verdict with the metrics before and after; null: there is none.
  ///
  /// @param gate contents of `gate.json`; null: there is none
  static @Nullable Map<String, @Nullable Object> values(@Nullable JsonNode gate) {
    if (gate == null || !gate.isObject()) {
      return null;
    }
    Map<String, @Nullable Object> all = new LinkedHashMap<>();
    for (String key : List.of("verdict", "at", "policy")) {
      all.put(key, gate.path(key).asString(null));
    }
    all.put("metrics", metrics(gate));
    return all;
  }

  /// One line: `PASS, tickets acc 0.57 -> 0.83`; `-`: there is no verdict.
  static String line(@Nullable JsonNode gate) {
    if (gate == null || !gate.isObject()) {
      return "-";
    }
    String verdict = gate.path("verdict").asString("?").toUpperCase(Locale.ROOT);
    return metrics(gate).stream()
        .map(metric -> ", " + metric.text())
        .collect(Collectors.joining("", verdict, ""));
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%.4f", value).replaceAll("\\.?0+$", "");
  }
}
