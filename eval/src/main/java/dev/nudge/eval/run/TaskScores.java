package dev.nudge.eval.run;

import dev.nudge.eval.task.AnswerFilters;
import dev.nudge.eval.task.Sample;
import dev.nudge.eval.task.Task;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoublePredicate;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.MissingNode;

/// The metrics of a task with the value of each document.
///
/// @param scores by `METRIC,FILTER`
/// @param samples per filter, document by document
public record TaskScores(
    Task task, List<Metric> metrics, Map<String, Score> scores, List<Scored> samples) {

  /// A metric's value.
  ///
  /// @param stderr standard error; NaN: unknown
  /// @param items per-document values
  /// @param units the independent units among the documents
  public record Score(
      Metric metric,
      String filter,
      double value,
      double stderr,
      List<MetricItem> items,
      Units units) {
    /// A metric of independent documents.
    public Score(
        Metric metric, String filter, double value, double stderr, List<MetricItem> items) {
      this(metric, filter, value, stderr, items, Units.alone(items.size()));
    }

    /// Returns the key in results.
    public String key() {
      return metric.name() + "," + filter;
    }

    /// Whether the metric is a proportion: every document is right or wrong.
    public boolean isShare() {
      return isMean(value -> value == 0 || value == 1);
    }

    /// Whether the metric is a mean whose per-document values all satisfy a condition.
    public boolean isMean(DoublePredicate condition) {
      return metric.aggregation() == Aggregation.Kind.MEAN
          && items.stream()
              .allMatch(item -> item instanceof MetricItem.Value v && condition.test(v.value()));
    }

    /// Whether each document is right, for a proportion.
    public List<Boolean> right() {
      List<Boolean> right = new ArrayList<>();
      items.forEach(item -> right.add(item instanceof MetricItem.Value v && v.value() == 1));
      return right;
    }

    /// Returns the key of its standard error.
    public String stderrKey() {
      return metric.name() + "_stderr," + filter;
    }
  }

  /// A document with its answers.
  ///
  /// @param answers a list per request
  /// @param filtered the filter's output
  public record Scored(
      Sample sample,
      String filter,
      List<JsonNode> answers,
      List<JsonNode> filtered,
      Map<String, MetricItem> items) {}

  /// Returns the number of scored documents.
  public int sampleLength() {
    return scores.values().iterator().next().items().size();
  }

  /// Scores answers.
  ///
  /// @param answers per document, per request
  /// @param fromBase per document the KL divergence from the base; empty: not computed
  static TaskScores of(
      Task task,
      List<Metric> metrics,
      List<Sample> samples,
      List<List<JsonNode>> answers,
      List<JsonNode> fromBase,
      int resamples) {
    AnswerFilters filters = AnswerFilters.of(task.config());
    SampleScorer scorer = new SampleScorer(task, metrics);
    List<@Nullable JsonNode> clusters = new ArrayList<>();
    samples.forEach(sample -> clusters.add(task.config().cluster(sample.doc())));
    Units units = Units.by(clusters);
    List<Scored> scored = new ArrayList<>();
    Map<String, Score> scores = new LinkedHashMap<>();
    for (String filter : filters.names()) {
      Map<String, List<MetricItem>> items = new LinkedHashMap<>();
      for (int i = 0; i < samples.size(); i++) {
        Sample sample = samples.get(i);
        List<JsonNode> filtered = new ArrayList<>();
        answers.get(i).forEach(list -> filtered.add(filters.apply(filter, list, sample.doc())));
        JsonNode apart = fromBase.isEmpty() ? MissingNode.getInstance() : fromBase.get(i);
        Map<String, MetricItem> own = scorer.of(sample, filtered, apart);
        own.forEach(
            (name, item) -> items.computeIfAbsent(name, key -> new ArrayList<>()).add(item));
        scored.add(new Scored(sample, filter, answers.get(i), filtered, own));
      }
      for (Metric metric : metrics) {
        List<MetricItem> all = items.getOrDefault(metric.name(), List.of());
        Aggregation aggregation = Aggregation.of(metric.aggregation(), all);
        Score score =
            new Score(
                metric,
                filter,
                aggregation.all(),
                aggregation.standardError(resamples),
                List.copyOf(all),
                units);
        scores.put(score.key(), score);
      }
    }
    return new TaskScores(task, metrics, scores, scored);
  }
}
