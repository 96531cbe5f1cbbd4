package dev.nudge.eval.run;

import dev.nudge.eval.Detectable;
import dev.nudge.eval.Interval;
import dev.nudge.eval.Paired;
import dev.nudge.eval.Resampled;
import dev.nudge.eval.run.TaskScores.Score;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/// The paired difference of a metric between two models on the same documents.
///
/// For independent right/wrong documents p is the exact McNemar test and the interval Tango's; else
/// both come from a paired bootstrap of documents, or of clusters of correlated documents. With
/// fewer than `Resampled.FEWEST` of those, or if all resamples are equal, nothing is known; scores
/// in [0, 1] keep an interval in the latter case ([Resampled#interval]). The tasks of a group are
/// resampled separately.
///
/// @param key `METRIC,FILTER`
/// @param value second − first
/// @param low lower end of the 95 % interval; NaN if a resample has no value, or units are few
/// @param p two-sided p-value of no difference; NaN likewise
/// @param test the test behind p: `mcnemar`, `bootstrap` or `cluster_bootstrap`
/// @param counted whether each document is right or wrong
/// @param fixed documents that only the second model has right; 0 for other metrics
/// @param broken documents that only the first model has right; 0 for other metrics
/// @param clusters number of clusters; 0 if documents are independent
/// @param detectable smallest difference detected with 80 % power; NaN: unknown
public record Difference(
    String key,
    double first,
    double second,
    double value,
    double low,
    double high,
    double p,
    String test,
    boolean counted,
    int fixed,
    int broken,
    int clusters,
    double detectable) {
  private static final double CONFIDENCE = 0.95;
  private static final String EXACT = "mcnemar";
  private static final String DRAWN = "bootstrap";
  private static final String CLUSTERED = "cluster_bootstrap";

  /// Interval, p-value and detectable size of a difference.
  private record Spread(double low, double high, double p, double detectable) {
    static final Spread UNKNOWN = new Spread(Double.NaN, Double.NaN, Double.NaN, Double.NaN);

    static Spread of(Paired paired) {
      Interval interval = paired.interval(CONFIDENCE);
      int n = paired.cases();
      double differing = (paired.onlyFirst() + paired.onlySecond()) / (double) n;
      return new Spread(
          interval.low(), interval.high(), paired.p(), Detectable.USUAL.gain(differing, n));
    }

    static Spread of(List<ScorePart> parts) {
      ScorePart.Drawn drawn = ScorePart.draw(parts);
      if (drawn == null) {
        return UNKNOWN;
      }
      Interval interval = drawn.interval(CONFIDENCE);
      Resampled resampled = drawn.resampled();
      return new Spread(
          interval.low(),
          interval.high(),
          resampled.p(),
          resampled.isAlike() ? Double.NaN : Detectable.USUAL.difference(resampled.error()));
    }
  }

  /// All differences of two models, by task, and by group if groups have metrics.
  public static Map<String, List<Difference>> between(ModelResults before, ModelResults after) {
    Map<String, List<Difference>> all = new LinkedHashMap<>();
    before
        .tasks()
        .forEach(
            (name, task) -> {
              TaskScores other = Objects.requireNonNull(after.tasks().get(name));
              List<Difference> own = new ArrayList<>();
              task.scores()
                  .forEach(
                      (key, score) ->
                          own.add(of(score, Objects.requireNonNull(other.scores().get(key)))));
              all.put(name, own);
            });
    before
        .groups()
        .forEach(
            (name, group) -> {
              List<Difference> own = new ArrayList<>();
              group.scores().keySet().forEach(key -> own.add(ofGroup(name, key, before, after)));
              if (!own.isEmpty()) {
                all.putIfAbsent(name, own);
              }
            });
    return all;
  }

  static Difference of(Score first, Score second) {
    boolean counted = first.isShare() && second.isShare();
    boolean clustered = first.units().areClusters();
    Paired paired = counted ? Paired.of(first.right(), second.right()) : null;
    Spread spread =
        paired != null && !clustered
            ? Spread.of(paired)
            : Spread.of(List.of(new ScorePart(first, second, 1)));
    return new Difference(
        first.key(),
        first.value(),
        second.value(),
        second.value() - first.value(),
        spread.low,
        spread.high,
        spread.p,
        clustered ? CLUSTERED : counted ? EXACT : DRAWN,
        counted,
        paired == null ? 0 : paired.onlySecond(),
        paired == null ? 0 : paired.onlyFirst(),
        first.units().clusterCount(),
        spread.detectable);
  }

  /// Computes a group's difference, its tasks resampled separately; a single task's is its own.
  private static Difference ofGroup(
      String name, String key, ModelResults before, ModelResults after) {
    GroupScores group = Objects.requireNonNull(after.groups().get(name));
    List<ScorePart> parts = new ArrayList<>();
    Objects.requireNonNull(group.scores().get(key))
        .weights()
        .forEach(
            (task, weight) ->
                parts.add(
                    new ScorePart(score(task, key, before), score(task, key, after), weight)));
    if (parts.size() == 1) {
      ScorePart only = parts.getFirst();
      return of(Objects.requireNonNull(only.before()), only.after());
    }
    boolean clustered = parts.stream().anyMatch(part -> part.after().units().areClusters());
    double first = before.value(name, key);
    double second = after.value(name, key);
    Spread spread = parts.isEmpty() ? Spread.UNKNOWN : Spread.of(parts);
    return new Difference(
        key,
        first,
        second,
        second - first,
        spread.low,
        spread.high,
        spread.p,
        clustered ? CLUSTERED : DRAWN,
        false,
        0,
        0,
        clustered ? parts.stream().mapToInt(part -> part.after().units().count()).sum() : 0,
        spread.detectable);
  }

  private static Score score(String task, String key, ModelResults model) {
    TaskScores scores = Objects.requireNonNull(model.tasks().get(task));
    return Objects.requireNonNull(scores.scores().get(key));
  }
}
