package dev.nudge.eval.run;

import dev.nudge.eval.task.TaskGroup;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// The aggregated metrics of a task group: means of its tasks, weighted by documents or equally.
///
/// @param sampleLength number of documents of all its tasks
/// @param scores by `METRIC,FILTER`, in order
public record GroupScores(TaskGroup group, int sampleLength, Map<String, Score> scores) {

  /// An aggregated metric.
  ///
  /// @param stderr standard error; NaN: unknown
  /// @param count documents of the tasks that have the metric
  /// @param higherIsBetter null: the tasks disagree
  /// @param weights of the tasks in the mean
  public record Score(
      double value,
      double stderr,
      int count,
      @Nullable Boolean higherIsBetter,
      Map<String, Double> weights) {
    public Score {
      weights = Collections.unmodifiableMap(new LinkedHashMap<>(weights));
    }
  }

  /// Returns the keys of the metrics that a group will have.
  ///
  /// @param tasks the metric keys of each task
  static Set<String> keys(TaskGroup group, Map<String, Set<String>> tasks) {
    Set<String> keys = new LinkedHashSet<>();
    List<TaskGroup.Aggregate> aggregates = group.aggregates();
    for (TaskGroup.Aggregate aggregate :
        aggregates == null ? List.<TaskGroup.Aggregate>of() : aggregates) {
      List<String> named = aggregate.filters();
      String metric = aggregate.metric();
      for (String task : group.tasks()) {
        for (String key : tasks.getOrDefault(task, Set.of())) {
          int comma = key.lastIndexOf(',');
          if (comma >= 0
              && key.substring(0, comma).equals(metric)
              && (named == null || named.contains(key.substring(comma + 1)))) {
            keys.add(metric);
            keys.add(key);
          }
        }
      }
    }
    return keys;
  }

  /// Aggregates a group; empty if the group defines no aggregation.
  public static GroupScores of(TaskGroup group, Map<String, TaskScores> tasks) {
    List<TaskScores> own = group.tasks().stream().map(tasks::get).toList();
    Map<String, Score> scores = new LinkedHashMap<>();
    List<TaskGroup.Aggregate> aggregates = group.aggregates();
    for (TaskGroup.Aggregate aggregate :
        aggregates == null ? List.<TaskGroup.Aggregate>of() : aggregates) {
      List<String> named = aggregate.filters();
      for (String filter : named == null ? filters(aggregate.metric(), own) : named) {
        String key = aggregate.metric() + "," + filter;
        List<TaskScores> with =
            own.stream().filter(task -> task.scores().containsKey(key)).toList();
        if (!with.isEmpty()) {
          scores.put(key, score(key, with, aggregate.bySize()));
        }
      }
    }
    int length = own.stream().mapToInt(TaskScores::sampleLength).sum();
    return new GroupScores(group, length, scores);
  }

  private static Set<String> filters(String metric, List<TaskScores> tasks) {
    Set<String> filters = new TreeSet<>();
    for (TaskScores task : tasks) {
      task.scores().values().stream()
          .filter(score -> score.metric().name().equals(metric))
          .forEach(score -> filters.add(score.filter()));
    }
    return filters;
  }

  private static Score score(String key, List<TaskScores> tasks, boolean bySize) {
    Set<Boolean> directions = new HashSet<>();
    List<Double> values = new ArrayList<>();
    List<Double> stderrs = new ArrayList<>();
    List<Integer> sizes = new ArrayList<>();
    for (TaskScores task : tasks) {
      TaskScores.Score score = Objects.requireNonNull(task.scores().get(key));
      directions.add(score.metric().higherIsBetter());
      values.add(score.value());
      stderrs.add(score.stderr());
      sizes.add(task.sampleLength());
    }
    int count = sizes.stream().mapToInt(i -> i).sum();
    double sum = 0;
    double all = bySize ? count : values.size();
    Map<String, Double> weights = new LinkedHashMap<>();
    for (int i = 0; i < values.size(); i++) {
      double weight = bySize ? sizes.get(i) : 1;
      sum += values.get(i) * weight;
      weights.put(tasks.get(i).task().config().name(), weight / all);
    }
    double stderr = bySize ? pooled(stderrs, sizes) : unweighted(stderrs);
    Boolean higher = directions.size() == 1 ? directions.iterator().next() : null;
    return new Score(sum / all, stderr, count, higher, weights);
  }

  private static double pooled(List<Double> stderrs, List<Integer> sizes) {
    double sum = 0;
    int all = 0;
    for (int i = 0; i < sizes.size(); i++) {
      int size = sizes.get(i);
      sum += (size - 1.0) * stderrs.get(i) * stderrs.get(i) * size;
      all += size;
    }
    return Math.sqrt(sum / (all - sizes.size()) / all);
  }

  private static double unweighted(List<Double> stderrs) {
    double sum = 0;
    for (double stderr : stderrs) {
      sum += stderr * stderr;
    }
    return Math.sqrt(sum) / stderrs.size();
  }
}
