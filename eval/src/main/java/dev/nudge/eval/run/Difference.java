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

/// How much the number of one model is above that of another on the same documents.
///
/// Where each document is right or wrong and stands for itself, p is McNemar's exact one and the
/// interval Tango's; else both come from a paired bootstrap of documents, or of clusters where
/// documents hang together. Fewer than `NonInferiority.FEWEST` of those tell nothing, nor do
/// resamples that are all alike; but scores from 0 to 1 then keep a width, by what no document
/// showed ([Resampled#interval]). Of a group the tasks are drawn apart.
///
/// @param key `METRIC,FILTER`
/// @param value second − first
/// @param low of the interval at 95 %; NaN where a resample has no number, or units are few
/// @param p two-sided, of no difference; NaN likewise
/// @param test how p was found: `mcnemar`, `bootstrap` or `cluster_bootstrap`
/// @param counted whether each document is right or wrong
/// @param fixed documents that the second alone has right; 0 of other metrics
/// @param broken documents that the first alone has right; 0 of other metrics
/// @param clusters of documents; 0: each stands for itself
/// @param detectable the smallest difference that so many documents show four times of five; NaN:
///     not known
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

  /// A difference on documents that stand each for itself.
  public Difference(
      String key,
      double first,
      double second,
      double value,
      double low,
      double high,
      double p,
      String test,
      int fixed,
      int broken) {
    this(
        key,
        first,
        second,
        value,
        low,
        high,
        p,
        test,
        test.equals(EXACT),
        fixed,
        broken,
        0,
        Double.NaN);
  }

  /// How far a difference may be off.
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

  /// All differences of two models, by task, and by group where those have numbers.
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

  /// A group's tasks are drawn apart; one alone is the task's own.
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

  private static Score score(String task, String key, ModelResults of) {
    TaskScores scores = Objects.requireNonNull(of.tasks().get(task));
    return Objects.requireNonNull(scores.scores().get(key));
  }
}
