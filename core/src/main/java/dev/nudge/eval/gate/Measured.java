package dev.nudge.eval.gate;

import dev.nudge.eval.Bootstrap;
import dev.nudge.eval.Detectable;
import dev.nudge.eval.Interval;
import dev.nudge.eval.NonInferiority;
import dev.nudge.eval.Paired;
import dev.nudge.eval.Resampled;
import dev.nudge.eval.run.Aggregation;
import dev.nudge.eval.run.MetricItem;
import dev.nudge.eval.run.TaskScores.Score;
import java.util.List;
import java.util.function.DoubleFunction;
import java.util.function.ToDoubleFunction;

/// A number that documents gave, or the difference of two on the same documents, with its interval
/// at any confidence and the probability that it is beyond a limit by chance.
///
/// Shares of right answers have Wilson's interval and their difference Tango's; other numbers are
/// resampled, a difference on the same resamples. A p-value is the interval turned round: the
/// smallest α at which the one-sided bound still lies beyond the limit. For a difference of shares
/// beyond 0 or more it is not below that of the exact test of McNemar, for the interval is too
/// narrow on a few documents.
///
/// The interval is without end where nothing is known: no number, fewer than
/// [NonInferiority#FEWEST] documents to resample, or resamples that are all alike. Only a mean of
/// scores from 0 to 1 is known then too: no document would differ by more than 1, so the interval
/// of shares without a difference holds.
public final class Measured {
  private static final double LEAST = 1e-9; // no p is told below it
  private static final int HALVINGS = 60;
  private static final Interval UNKNOWN =
      new Interval(Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY);

  private final double value;
  private final int documents;
  private final DoubleFunction<Interval> intervals; // by two-sided confidence
  private final double least; // p
  private final double exactAbove; // the smallest p of "above 0 or more"
  private final double exactBelow;

  private Measured(
      double value,
      int documents,
      DoubleFunction<Interval> intervals,
      double least,
      double exactAbove,
      double exactBelow) {
    this.value = value;
    this.documents = documents;
    this.intervals = intervals;
    this.least = least;
    this.exactAbove = exactAbove;
    this.exactBelow = exactBelow;
  }

  /// Measures a model's own number.
  public static Measured of(Score score) {
    List<MetricItem> items = score.items();
    int n = items.size();
    if (Double.isNaN(score.value()) || n == 0) {
      return unknown(score.value(), n);
    }
    if (score.isShare()) {
      int hits = (int) score.right().stream().filter(r -> r).count();
      return new Measured(
          score.value(), n, c -> Interval.wilsonAt(hits, n, c), LEAST, LEAST, LEAST);
    }
    Aggregation all = Aggregation.of(score.metric().aggregation(), items);
    return resampled(score.value(), n, all::counted, false);
  }

  /// Measures how far the second number is above the first; documents are in the same order.
  ///
  /// @throws IllegalArgumentException where there are more documents of one
  public static Measured difference(Score first, Score second) {
    int n = first.items().size();
    if (n != second.items().size()) {
      throw new IllegalArgumentException(
          n + " documents of one and " + second.items().size() + " of the other are no pairs");
    }
    double value = second.value() - first.value();
    if (Double.isNaN(value) || n == 0) {
      return unknown(value, n);
    }
    if (first.isShare() && second.isShare()) {
      Paired paired = Paired.of(first.right(), second.right());
      double half = paired.p() / 2;
      return new Measured(
          value,
          n,
          paired::interval,
          LEAST,
          paired.onlySecond() > paired.onlyFirst() ? half : 1,
          paired.onlySecond() < paired.onlyFirst() ? half : 1);
    }
    Aggregation before = Aggregation.of(first.metric().aggregation(), first.items());
    Aggregation after = Aggregation.of(second.metric().aggregation(), second.items());
    return resampled(
        value,
        n,
        times -> after.counted(times) - before.counted(times),
        first.isMean(Measured::isFraction) && second.isMean(Measured::isFraction));
  }

  private static Measured unknown(double value, int n) {
    return new Measured(value, n, c -> UNKNOWN, LEAST, LEAST, LEAST);
  }

  private static Measured resampled(
      double value, int n, ToDoubleFunction<int[]> of, boolean fraction) {
    if (n < NonInferiority.FEWEST) {
      return unknown(value, n);
    }
    Resampled resampled;
    try {
      resampled = Bootstrap.STANDARD.counted(Bootstrap.alone(n), of);
    } catch (IllegalArgumentException e) {
      return unknown(value, n); // a resample has no number
    }
    boolean alike = resampled.error() == 0;
    Interval whole = resampled.interval(1);
    if ((alike && !fraction) || !Double.isFinite(whole.low()) || !Double.isFinite(whole.high())) {
      return unknown(value, n);
    }
    DoubleFunction<Interval> intervals =
        alike
            ? c -> {
              Interval none = Interval.wilsonAt(0, n, c); // a share that was never seen
              return new Interval(value - none.high(), value + none.high());
            }
            : resampled::interval;
    double least = 1.0 / (Bootstrap.STANDARD.resamples() + 1);
    return new Measured(value, n, intervals, least, least, least);
  }

  private static boolean isFraction(double value) {
    return value >= 0 && value <= 1;
  }

  /// The same with the sign turned: of what is better where it is less.
  public Measured negative() {
    return new Measured(
        -value,
        documents,
        c -> {
          Interval interval = intervals.apply(c);
          return new Interval(-interval.high(), -interval.low());
        },
        least,
        /* exactAbove= */ exactBelow,
        /* exactBelow= */ exactAbove);
  }

  /// The number; NaN: there is none.
  public double value() {
    return value;
  }

  /// Documents behind it.
  public int documents() {
    return documents;
  }

  /// The two-sided interval; its ends are infinite where nothing is known.
  ///
  /// @param confidence such as 0.95; a one-sided bound at 0.95 is an end of that at 0.9
  public Interval interval(double confidence) {
    return intervals.apply(confidence);
  }

  /// How likely such a number is, one-sided, were it not truly above a limit; 1 where it is not.
  public double pAbove(double limit) {
    return Math.max(p(c -> interval(c).low() > limit), limit >= 0 ? exactAbove : least);
  }

  /// How likely such a number is, one-sided, were it not truly below a limit; 1 where it is not.
  public double pBelow(double limit) {
    return Math.max(p(c -> interval(c).high() < limit), limit <= 0 ? exactBelow : least);
  }

  private interface Beyond {
    boolean at(double twoSided);
  }

  /// The smallest α whose bound is still beyond.
  private static double p(Beyond beyond) {
    if (!beyond.at(0)) {
      return 1;
    }
    double in = Math.log(0.5);
    double out = Math.log(LEAST);
    if (beyond.at(1 - 2 * LEAST)) {
      return LEAST;
    }
    for (int i = 0; i < HALVINGS; i++) {
      double middle = (in + out) / 2;
      if (beyond.at(1 - 2 * Math.exp(middle))) {
        in = middle;
      } else {
        out = middle;
      }
    }
    return Math.exp(in);
  }

  /// The smallest distance from a limit that so many documents show four times of five, judged by
  /// the width of the interval; infinite where nothing is known.
  ///
  /// @param alpha one-sided level
  public double detectable(double alpha) {
    Interval interval = interval(1 - 2 * alpha);
    double half = (interval.high() - interval.low()) / 2;
    Detectable usual = new Detectable(2 * alpha, 0.8);
    Detectable even = new Detectable(2 * alpha, 0.5); // zβ = 0
    return half * usual.difference(1) / even.difference(1);
  }
}
