package dev.nudge.eval.task;

import dev.nudge.settings.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// A group of tasks and subgroups, with its aggregated metrics.
///
/// @param children names of members, in order
/// @param tasks names of all tasks, those of subgroups included
/// @param aggregates metrics to aggregate; null: none
public record TaskGroup(
    String name,
    String alias,
    List<String> children,
    List<String> tasks,
    @Nullable List<Aggregate> aggregates,
    @Nullable Object version) {
  static final Set<String> KEYS =
      Set.of("group", "group_alias", "task", "aggregate_metric_list", "metadata");

  public TaskGroup {
    children = List.copyOf(children);
    tasks = List.copyOf(tasks);
  }

  /// A metric to aggregate over the tasks.
  ///
  /// @param filters names of filters; null: all filters with the metric
  /// @param bySize true: weighted by documents (micro); false: equally (macro)
  public record Aggregate(String metric, @Nullable List<String> filters, boolean bySize) {}

  static TaskGroup of(TaskKeys keys, String name, List<String> children, List<String> tasks) {
    Object version =
        keys.get("metadata") instanceof Map<?, ?> metadata ? metadata.get("version") : null;
    return new TaskGroup(
        name, keys.text("group_alias", name), children, tasks, aggregates(keys), version);
  }

  private static @Nullable List<Aggregate> aggregates(TaskKeys keys) {
    Object given = keys.get("aggregate_metric_list");
    if (given == null) {
      return null;
    }
    List<Aggregate> all = new ArrayList<>();
    for (Object entry : given instanceof List<?> list ? list : List.of(given)) {
      TaskKeys one = keys.entry("aggregate_metric_list", entry);
      one.only(Set.of("metric", "filter_list", "aggregation", "weight_by_size"));
      String metric = one.text("metric");
      if (metric == null) {
        throw one.wrong("metric", "the name of a metric");
      }
      if (one.get("aggregation") instanceof PythonFunction function) {
        throw Refused.scoring(one.place(), "aggregation", function);
      }
      if (!one.text("aggregation", "mean").equals("mean")) {
        throw one.wrong("aggregation", "mean");
      }
      all.add(new Aggregate(metric, one.texts("filter_list"), one.flag("weight_by_size", true)));
    }
    return all.isEmpty() ? null : List.copyOf(all);
  }

  static InputException wrongMember(TaskKeys keys, @Nullable Object member) {
    return new InputException(
        "%s: task has the entry %s; it must be a name, or a map with task or group"
            .formatted(keys.place(), TaskYaml.shown(member)));
  }
}
