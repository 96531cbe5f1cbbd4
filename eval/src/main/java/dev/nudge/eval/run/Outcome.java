package dev.nudge.eval.run;

import dev.nudge.format.Json;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The result of an evaluation.
///
/// @param models the base first, then those with an adapter
/// @param differences of each model from the previous one, by model name and task (or group with
///     its own metrics)
/// @param asked requests run now, cached answers excluded
/// @param requests requests of all models
/// @param seconds wall time, loading included
/// @param pace inference speed of the main model
public record Outcome(
    List<ModelResults> models,
    Map<String, Map<String, List<Difference>>> differences,
    long asked,
    long requests,
    double seconds,
    Pace pace) {

  /// An outcome without inference speed.
  public Outcome(
      List<ModelResults> models,
      Map<String, Map<String, List<Difference>>> differences,
      long asked,
      long requests,
      double seconds) {
    this(models, differences, asked, requests, seconds, Pace.NONE);
  }

  /// Returns the evaluated model: the one with the adapter, if there is one.
  public ModelResults main() {
    return models.stream()
        .filter(m -> m.name().equals(Evaluation.ADAPTER))
        .findFirst()
        .orElse(models.getFirst());
  }

  /// Returns the metrics as in `--json`, by task or group: `METRIC` for the task's first filter,
  /// `METRIC,FILTER` for a named filter.
  public Map<String, Object> summary() {
    Map<String, Object> summary = new LinkedHashMap<>();
    summary.put("results", numbers(main()));
    for (ModelResults model : models) {
      if (!model.name().equals(main().name())) {
        summary.put(model.name(), numbers(model));
      }
    }
    if (!differences.isEmpty()) {
      summary.put("differences", shown(differences));
    }
    return summary;
  }

  private static Map<String, Object> numbers(ModelResults model) {
    Map<String, Object> all = new LinkedHashMap<>();
    model
        .tasks()
        .forEach(
            (name, task) -> {
              Map<String, @Nullable Object> own = new LinkedHashMap<>();
              task.scores()
                  .values()
                  .forEach(s -> add(own, s.metric().name(), s.filter(), s.value(), s.stderr()));
              all.put(name, own);
            });
    model
        .groups()
        .forEach(
            (name, group) -> {
              Map<String, @Nullable Object> own = new LinkedHashMap<>();
              group
                  .scores()
                  .forEach(
                      (key, s) -> {
                        int comma = key.lastIndexOf(',');
                        String filter = key.substring(comma + 1);
                        add(own, key.substring(0, comma), filter, s.value(), s.stderr());
                      });
              if (!own.isEmpty()) {
                all.put(name, own);
              }
            });
    return all;
  }

  private static void add(
      Map<String, @Nullable Object> own,
      String metric,
      String filter,
      double value,
      double stderr) {
    own.putIfAbsent(metric, Json.finite(value));
    own.putIfAbsent(metric + "_stderr", Json.finite(stderr));
    if (!filter.equals("none")) {
      own.put(metric + "," + filter, Json.finite(value));
      own.put(metric + "_stderr," + filter, Json.finite(stderr));
    }
  }

  /// Differences as JSON.
  static Map<String, Object> shown(Map<String, Map<String, List<Difference>>> differences) {
    Map<String, Object> all = new LinkedHashMap<>();
    differences.forEach(
        (model, named) -> {
          Map<String, Object> byName = new LinkedHashMap<>();
          named.forEach(
              (name, list) -> {
                Map<String, Object> byMetric = new LinkedHashMap<>();
                list.forEach(d -> byMetric.put(d.key(), shown(d)));
                byName.put(name, byMetric);
              });
          all.put(model, byName);
        });
    return all;
  }

  private static Map<String, @Nullable Object> shown(Difference d) {
    Map<String, @Nullable Object> shown = new LinkedHashMap<>();
    shown.put("before", Json.finite(d.first()));
    shown.put("after", Json.finite(d.second()));
    shown.put("difference", Json.finite(d.value()));
    shown.put("low", Json.finite(d.low()));
    shown.put("high", Json.finite(d.high()));
    shown.put("p", Json.finite(d.p()));
    shown.put("test", d.test());
    shown.put("detectable", Json.finite(d.detectable()));
    if (d.counted()) {
      shown.put("fixed", d.fixed());
      shown.put("broken", d.broken());
    }
    if (d.clusters() > 0) {
      shown.put("clusters", d.clusters());
    }
    return shown;
  }
}
