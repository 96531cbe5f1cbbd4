package dev.nudge.eval.task;

import dev.nudge.settings.InputException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// An entry of a task's `metric_list`.
///
/// @param aggregation aggregation function; null: the metric's default
/// @param higherIsBetter whether higher is better; null: the metric's default
/// @param options all other keys, such as `ignore_case`
/// @param place place in the file, for messages
public record MetricConfig(
    String name,
    @Nullable String aggregation,
    @Nullable Boolean higherIsBetter,
    Map<String, @Nullable Object> options,
    String place) {
  private static final Set<String> OWN =
      Set.of("metric", "aggregation", "higher_is_better", "hf_evaluate");

  /// Aggregation functions in task files' Python code, by the built-in aggregation that they
  /// equal.
  private static final Map<String, String> BY_FUNCTION =
      Map.of(
          "weighted_f1_score", "weighted_f1",
          "macro_f1_score", "macro_f1",
          "micro_f1_score", "micro_f1",
          "agg_f1", "f1");

  static List<MetricConfig> of(TaskKeys keys, OutputType type) {
    List<?> list = keys.list("metric_list");
    if (list == null) {
      return type.metrics().stream()
          .map(name -> new MetricConfig(name, null, null, Map.of(), keys.place() + ": metric_list"))
          .toList();
    }
    List<MetricConfig> all = new ArrayList<>();
    for (Object entry : list) {
      all.add(one(keys.entry("metric_list", entry), type));
    }
    if (all.isEmpty()) {
      throw keys.wrong("metric_list", "a list of at least one metric");
    }
    return List.copyOf(all);
  }

  private static MetricConfig one(TaskKeys keys, OutputType type) {
    Object name = keys.get("metric");
    if (name instanceof PythonFunction function) {
      throw Refused.scoring(keys.place(), "metric", function);
    }
    if (!(name instanceof String metric)) {
      throw keys.wrong("metric", "the name of a metric");
    }
    Map<String, @Nullable Object> options = new LinkedHashMap<>(keys.all());
    options.keySet().removeAll(OWN);
    Boolean higher =
        keys.has("higher_is_better") ? (Boolean) keys.flag("higher_is_better", true) : null;
    // For likelihoods the harness loads a Hugging Face metric but never calls it.
    boolean called = type == OutputType.GENERATE_UNTIL && !metric.equals("exact_match");
    if (keys.flag("hf_evaluate", false) && called) {
      throw new InputException(
          "%s: metric %s is one of Hugging Face's evaluate (hf_evaluate: true), of which exact_match alone is known here"
              .formatted(keys.place(), metric));
    }
    return new MetricConfig(metric, aggregation(keys), higher, options, keys.place());
  }

  private static @Nullable String aggregation(TaskKeys keys) {
    if (keys.get("aggregation") instanceof PythonFunction function) {
      String known = BY_FUNCTION.get(function.last());
      if (known == null) {
        throw Refused.scoring(keys.place(), "aggregation", function);
      }
      return known;
    }
    return keys.text("aggregation");
  }
}
