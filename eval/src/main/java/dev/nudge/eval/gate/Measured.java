package dev.nudge.eval.gate;

import dev.nudge.eval.Bootstrap;
import dev.nudge.eval.Detectable;
import dev.nudge.eval.Interval;
import dev.nudge.eval.Paired;
import dev.nudge.eval.Resampled;
import dev.nudge.eval.judge.WinRate;
import dev.nudge.eval.run.ScorePart;
import dev.nudge.eval.run.TaskScores.Score;
import java.util.List;
import java.util.function.DoubleFunction;
import java.util.function.DoubleUnaryOperator;

/// A metric, or the paired difference of two models, with its confidence interval and p-values.
///
/// A proportion of right answers has Wilson's interval and a difference of them Tango's; other
/// numbers are bootstrapped, differences on paired resamples. Proportions of clustered documents
/// ([dev.nudge.eval.run.Units]) are bootstrapped by cluster, numbers of groups are resampled task
/// by task. A p-value inverts the interval: it is the smallest α at which the one-sided bound is
/// still beyond the limit. As the intervals are too narrow on few documents, it is at least the p
/// of an exact test: the binomial test for a proportion, McNemar's for a difference of proportions
/// and a limit of 0 or more.
///
/// The interval is infinite without a value, with fewer than [Resampled#FEWEST] bootstrap units, or
/// if all resamples are equal. In the last case only a mean of scores in [0, 1] keeps a finite
/// interval ([dev.nudge.eval.Resampled#interval]).
public final class Measured {
  private static final double LEAST = 1e-9; // the least p that is reported
  private static final int HALVINGS = 60;
  private final double value;
  private final int documents;
  private final int clusters;
  private final DoubleFunction<Interval> intervals; // by two-sided confidence
  private final DoubleUnaryOperator leastAbove; // p of "above a limit" by an exact test
  private final DoubleUnaryOperator leastBelow;

  private Measured(
      double value,
      int documents,
      int clusters,
      DoubleFunction<Interval> intervals,
      DoubleUnaryOperator leastAbove,
      DoubleUnaryOperator leastBelow) {
    this.value = value;
    this.documents = documents;
    this.clusters = clusters;
    this.intervals = intervals;
    this.leastAbove = leastAbove;
    this.leastBelow = leastBelow;
  }

  /// Measures a model's own metric.
  public static Measured of(Score score) {
    return of(List.of(new ScorePart(null, score, 1)));
  }

  /// Measures the paired difference `second` − `first`; the documents are in the same order.
  ///
  /// @throws IllegalArgumentException if the numbers of documents differ
  public static Measured difference(Score first, Score second) {
    return of(List.of(new ScorePart(first, second, 1)));
  }

  /// Measures the win rate of the second model over the first by a judge. For independent pairs
  /// the p-value against ½ is not below that of the exact sign test; for clustered pairs it is the
  /// bootstrap's.
  public static Measured of(WinRate rate, DoubleFunction<Interval> intervals) {
    if (rate.units() < Resampled.FEWEST) {
      return unknown(rate.rate(), rate.pairs(), rate.clusters());
    }
    boolean exact = rate.clusters() == 0;
    double least = exact ? LEAST : 1.0 / (Bootstrap.STANDARD.resamples() + 1);
    double half = exact ? rate.p() / 2 : least;
    boolean wins = rate.wins() > rate.losses();
    boolean loses = rate.wins() < rate.losses();
    return new Measured(
        rate.rate(),
        rate.pairs(),
        rate.clusters(),
        intervals,
        limit -> limit < 0.5 ? least : exact && !wins ? 1 : half,
        limit -> limit > 0.5 ? least : exact && !loses ? 1 : half);
  }

  /// Measures the weighted sum of parts, such as the tasks of a group.
  static Measured of(List<ScorePart> parts) {
    int n = parts.stream().mapToInt(Measured::documents).sum();
    boolean clustered = parts.stream().anyMatch(part -> part.after().units().areClusters());
    int clusters =
        clustered ? parts.stream().mapToInt(part -> part.after().units().count()).sum() : 0;
    double value = parts.stream().mapToDouble(part -> part.weight() * value(part)).sum();
    for (ScorePart part : parts) {
      Score before = part.before();
      if (before != null && before.items().size() != documents(part)) {
        throw new IllegalArgumentException(
            before.items().size()
                + " documents of one and "
                + documents(part)
                + " of the other are no pairs");
      }
    }
    if (Double.isNaN(value) || parts.stream().anyMatch(part -> documents(part) == 0)) {
      return unknown(value, n, clusters);
    }
    return parts.size() == 1 && !clustered && isShare(parts.getFirst())
        ? share(parts.getFirst(), value, n)
        : resampled(parts, value, n, clusters);
  }

  private static int documents(ScorePart part) {
    return part.after().items().size();
  }

  private static double value(ScorePart part) {
    Score before = part.before();
    return part.after().value() - (before == null ? 0 : before.value());
  }

  private static boolean isShare(ScorePart part) {
    Score before = part.before();
    return part.after().isShare() && (before == null || before.isShare());
  }

  private static Measured share(ScorePart part, double value, int n) {
    Score before = part.before();
    if (before == null) {
      int hits = (int) part.after().right().stream().filter(r -> r).count();
      return new Measured(
          value,
          n,
          0,
          c -> Interval.wilsonAt(hits, n, c),
          limit -> atLeast(hits, n, limit),
          limit -> atLeast(n - hits, n, 1 - limit));
    }
    Paired paired = Paired.of(before.right(), part.after().right());
    double half = paired.p() / 2;
    boolean up = paired.onlySecond() > paired.onlyFirst();
    boolean down = paired.onlySecond() < paired.onlyFirst();
    return new Measured(
        value,
        n,
        0,
        paired::interval,
        limit -> limit < 0 ? LEAST : up ? half : 1,
        limit -> limit > 0 ? LEAST : down ? half : 1);
  }

  /// Returns the probability of at least `hits` hits in `n` trials.
  private static double atLeast(int hits, int n, double chance) {
    if (chance <= 0 || chance >= 1) {
      return chance <= 0 && hits > 0 ? 0 : 1;
    }
    double logTerm = n * Math.log1p(-chance); // log probability of no hit
    double odds = Math.log(chance) - Math.log1p(-chance);
    double sum = hits == 0 ? Math.exp(logTerm) : 0;
    for (int i = 1; i <= n; i++) {
      logTerm += Math.log(n - i + 1) - Math.log(i) + odds;
      sum += i < hits ? 0 : Math.exp(logTerm);
    }
    return Math.min(1, sum);
  }

  private static Measured unknown(double value, int n, int clusters) {
    return new Measured(value, n, clusters, c -> Interval.UNKNOWN, _ -> LEAST, _ -> LEAST);
  }

  private static Measured resampled(List<ScorePart> parts, double value, int n, int clusters) {
    ScorePart.Drawn drawn = ScorePart.draw(parts);
    if (drawn == null) {
      return unknown(value, n, clusters);
    }
    double least = 1.0 / (Bootstrap.STANDARD.resamples() + 1);
    return new Measured(value, n, clusters, drawn::interval, _ -> least, _ -> least);
  }

  /// Returns the negated number, for metrics where lower is better.
  public Measured negative() {
    return new Measured(
        -value,
        documents,
        clusters,
        c -> {
          Interval interval = intervals.apply(c);
          return new Interval(-interval.high(), -interval.low());
        },
        limit -> leastBelow.applyAsDouble(-limit),
        limit -> leastAbove.applyAsDouble(-limit));
  }

  /// Returns the measured value; NaN if there is none.
  public double value() {
    return value;
  }

  /// Returns the number of documents.
  public int documents() {
    return documents;
  }

  /// Returns the number of clusters of documents; 0 if documents are independent.
  public int clusters() {
    return clusters;
  }

  /// Returns the two-sided confidence interval; its ends are infinite if nothing is known.
  ///
  /// @param confidence such as 0.95; the one-sided bound at 0.95 is an end of the interval at 0.9
  public Interval interval(double confidence) {
    return intervals.apply(confidence);
  }

  /// Returns the one-sided p-value of "the number is above `limit`"; 1 if the value is not above.
  public double pAbove(double limit) {
    return Math.max(p(c -> interval(c).low() > limit), leastAbove.applyAsDouble(limit));
  }

  /// Returns the one-sided p-value of "the number is below `limit`"; 1 if the value is not below.
  public double pBelow(double limit) {
    return Math.max(p(c -> interval(c).high() < limit), leastBelow.applyAsDouble(limit));
  }

  private interface Beyond {
    boolean at(double twoSided);
  }

  /// Returns the smallest α at which the bound is still beyond the limit.
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

  /// Returns the smallest distance from a limit that is detected with 80 % power, from the width of
  /// the interval; infinite if nothing is known.
  ///
  /// @param alpha one-sided level
  public double detectable(double alpha) {
    Interval interval = interval(1 - 2 * alpha);
    double half = (interval.high() - interval.low()) / 2;
    Detectable usual = new Detectable(2 * alpha, 0.8);
    Detectable even = new Detectable(2 * alpha, 0.5); // zβ = 0
    return half * usual.difference(1) / even.difference(1);
  }

  /// Returns the number of additional documents that show with 80 % power that the value is not the
  /// limit. The interval narrows with the square root of the documents: n (detectable / distance)²
  /// in all. Infinite if nothing is known, or the value equals the limit.
  ///
  /// @param alpha one-sided level
  double more(double limit, double alpha) {
    double times = detectable(alpha) / Math.abs(value - limit);
    return Math.max(1, documents * (times * times - 1));
  }
}
