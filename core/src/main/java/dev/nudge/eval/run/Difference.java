package dev.nudge.eval.run;

import dev.nudge.eval.Bootstrap;
import dev.nudge.eval.Detectable;
import dev.nudge.eval.Interval;
import dev.nudge.eval.NonInferiority;
import dev.nudge.eval.Paired;
import dev.nudge.eval.Resampled;

/// How much the number of one model is above that of another on the same documents.
///
/// Where each document is right or wrong and stands for itself, p is McNemar's exact one and the
/// interval Tango's; else both come from a paired bootstrap of documents, or of clusters where
/// documents hang together. Fewer than [NonInferiority#FEWEST] of those tell nothing, nor do
/// resamples that are all alike.
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

  static Difference of(TaskScores.Score first, TaskScores.Score second) {
    boolean counted = first.isShare() && second.isShare();
    Paired paired = counted ? Paired.of(first.right(), second.right()) : null;
    Units units = first.units();
    double low = Double.NaN;
    double high = Double.NaN;
    double p = Double.NaN;
    double detectable = Double.NaN;
    if (paired != null && !units.areClusters()) {
      Interval interval = paired.interval(CONFIDENCE);
      low = interval.low();
      high = interval.high();
      p = paired.p();
      int n = first.items().size();
      double differing = (paired.onlyFirst() + paired.onlySecond()) / (double) n;
      detectable = Detectable.USUAL.gain(differing, n);
    } else if (units.count() >= NonInferiority.FEWEST) {
      Aggregation before = Aggregation.of(first.metric().aggregation(), first.items());
      Aggregation after = Aggregation.of(second.metric().aggregation(), second.items());
      try {
        Resampled resampled =
            Bootstrap.STANDARD.counted(
                units.numbers(), times -> after.counted(times) - before.counted(times));
        boolean alike = resampled.isAlike();
        if (counted || !alike) {
          Interval interval =
              counted ? resampled.interval(CONFIDENCE, -1, 1) : resampled.interval(CONFIDENCE);
          low = interval.low();
          high = interval.high();
          p = resampled.p();
        }
        if (!alike) {
          detectable = Detectable.USUAL.difference(resampled.error());
        }
      } catch (IllegalArgumentException e) {
        // a resample without a number: nothing is told of its spread
      }
    }
    return new Difference(
        first.key(),
        first.value(),
        second.value(),
        second.value() - first.value(),
        low,
        high,
        p,
        units.areClusters() ? "cluster_bootstrap" : counted ? EXACT : "bootstrap",
        counted,
        paired == null ? 0 : paired.onlySecond(),
        paired == null ? 0 : paired.onlyFirst(),
        units.clusterCount(),
        detectable);
  }
}
