package dev.nudge.eval.task;

import dev.nudge.settings.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Tasks and groups under one name, and which of their numbers make one.
///
/// @param children names in order
/// @param tasks names of all tasks in it, those of groups in it too
/// @param aggregates null: the group has no number of its own
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

  /// A metric of the tasks that makes one of the group.
  ///
  /// @param filters null: all that tasks have it under
  /// @param bySize each task counts by its documents; else all count the same
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
