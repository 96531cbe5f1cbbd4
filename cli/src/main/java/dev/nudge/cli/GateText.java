package dev.nudge.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// The verdict of a gate that a registry keeps with a version, for people and for programs.
final class GateText {
  private GateText() {}

  /// The verdict with the metrics before and after; null: there is none.
  ///
  /// @param gate contents of `gate.json`
  static @Nullable Map<String, @Nullable Object> values(JsonNode gate) {
    if (!gate.isObject()) {
      return null;
    }
    Map<String, @Nullable Object> all = new LinkedHashMap<>();
    for (String key : List.of("verdict", "at", "policy")) {
      all.put(key, gate.get(key));
    }
    List<Map<String, @Nullable Object>> metrics = new ArrayList<>();
    for (JsonNode rule : gate.path("rules")) {
      JsonNode after = after(rule);
      if (after.isNumber()) {
        Map<String, @Nullable Object> metric = new LinkedHashMap<>();
        metric.put("task", rule.get("task"));
        metric.put("metric", rule.get("metric"));
        metric.put("before", rule.path("before").isNumber() ? rule.get("before") : null);
        metric.put("after", after);
        if (!metrics.contains(metric)) {
          metrics.add(metric);
        }
      }
    }
    all.put("metrics", metrics);
    return all;
  }

  /// The metric with the adapter. Verdicts of an older nudge have it of floors and ceilings alone.
  private static JsonNode after(JsonNode rule) {
    boolean limit = rule.has("at_least") || rule.has("at_most");
    return rule.has("metric") && limit && !rule.has("after")
        ? rule.path("value")
        : rule.path("after");
  }

  /// One line: `PASS, tickets acc 0.57 -> 0.83`; `-`: there is no verdict.
  static String line(JsonNode gate) {
    Map<String, @Nullable Object> all = values(gate);
    if (all == null) {
      return "-";
    }
    StringBuilder line = new StringBuilder(verdict(gate));
    for (Object one : (List<?>) all.getOrDefault("metrics", List.of())) {
      Map<?, ?> metric = (Map<?, ?>) one;
      line.append(", ").append(text(metric.get("task"))).append(' ');
      line.append(text(metric.get("metric"))).append(' ');
      if (metric.get("before") instanceof JsonNode before) {
        line.append(number(before)).append(" -> ");
      }
      line.append(number((JsonNode) metric.get("after")));
    }
    return line.toString();
  }

  /// The verdict in capitals.
  static String verdict(JsonNode gate) {
    return gate.path("verdict").asString("?").toUpperCase(Locale.ROOT);
  }

  private static String text(@Nullable Object value) {
    return value instanceof JsonNode node ? node.asString("") : "";
  }

  private static String number(JsonNode value) {
    return String.format(Locale.ROOT, "%.4f", value.asDouble()).replaceAll("\\.?0+$", "");
  }
}
