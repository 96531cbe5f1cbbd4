package dev.nudge.cli.adapters;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Formats a gate's verdict, which a registry stores with a version, as text and as JSON.
final class GateText {
  private GateText() {}

  /// A metric that a rule judged.
  ///
  /// @param before metric without the adapter; null: the rule does not compare
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

  /// Returns the metric with the adapter. Older verdicts have it only for floors and ceilings.
  private static JsonNode after(JsonNode rule) {
    boolean limit = rule.has("at_least") || rule.has("at_most");
    return rule.path(limit && !rule.has("after") ? "value" : "after");
  }

  /// Returns the verdict with the metrics before and after; null: none.
  ///
  /// @param gate contents of `gate.json`; null: none
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

  /// Returns one line such as `PASS, tickets acc 0.57 -> 0.83`; `-`: no verdict.
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
