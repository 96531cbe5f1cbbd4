package dev.nudge.eval.gate;

import dev.nudge.eval.Bootstrap;
import dev.nudge.eval.Detectable;
import dev.nudge.eval.Interval;
import dev.nudge.eval.NonInferiority;
import dev.nudge.eval.Paired;
import dev.nudge.eval.judge.Balance;
import dev.nudge.eval.run.ScorePart;
import dev.nudge.eval.run.TaskScores.Score;
import java.util.List;
import java.util.function.DoubleFunction;

/// A number that documents gave, or the difference of two on the same documents, with its interval
/// at any confidence and the probability that it is beyond a limit by chance.
///
/// Shares of right answers have Wilson's interval and their difference Tango's; other numbers are
/// resampled, a difference on the same resamples. So are shares where documents hang together in
/// clusters ([dev.nudge.eval.run.Units]), which are then drawn whole, and the numbers of groups,
/// whose tasks are drawn apart. A p-value is the interval turned round: the
/// smallest α at which the one-sided bound still lies beyond the limit. For a difference of shares
/// beyond 0 or more it is not below that of the exact test of McNemar, for the interval is too
/// narrow on a few documents.
///
/// The interval is without end where nothing is known: no number, fewer than
/// [NonInferiority#FEWEST] documents to resample, or resamples that are all alike. Only a mean of
/// scores from 0 to 1 is known then too, by what no document showed
/// ([dev.nudge.eval.Resampled#interval]).
public final class Measured {
  private static final double LEAST = 1e-9; // no p is told below it
  private static final int HALVINGS = 60;
  private final double value;
  private final int documents;
  private final int clusters;
  private final DoubleFunction<Interval> intervals; // by two-sided confidence
  private final double even; // where neither of two is better: 0 of a difference
  private final double least; // p
  private final double exactAbove; // the smallest p of "above even or more"
  private final double exactBelow;

  private Measured(
      double value,
      int documents,
      int clusters,
      DoubleFunction<Interval> intervals,
      double even,
      double least,
      double exactAbove,
      double exactBelow) {
    this.value = value;
    this.documents = documents;
    this.clusters = clusters;
    this.intervals = intervals;
    this.even = even;
    this.least = least;
    this.exactAbove = exactAbove;
    this.exactBelow = exactBelow;
  }

  /// Measures a model's own number.
  public static Measured of(Score score) {
    return of(List.of(new ScorePart(null, score, 1)));
  }

  /// Measures how far the second number is above the first; documents are in the same order.
  ///
  /// @throws IllegalArgumentException where there are more documents of one
  public static Measured difference(Score first, Score second) {
    return of(List.of(new ScorePart(first, second, 1)));
  }

  /// Measures how often the second of two models has the better answer, by a judge. Where pairs
  /// stand for themselves, p of a rate above ½ or more, and of one below ½ or less, is not below
  /// that of the exact sign test; with clusters it is the bootstrap's alone.
  public static Measured of(Balance balance) {
    if (balance.units() < NonInferiority.FEWEST) {
      return unknown(balance.rate(), balance.pairs(), balance.clusters());
    }
    boolean exact = balance.clusters() == 0;
    double least = exact ? LEAST : 1.0 / (Bootstrap.STANDARD.resamples() + 1);
    double half = exact ? balance.p() / 2 : least;
    boolean wins = balance.wins() > balance.losses();
    boolean loses = balance.wins() < balance.losses();
    return new Measured(
        balance.rate(),
        balance.pairs(),
        balance.clusters(),
        balance::interval,
        0.5,
        least,
        exact && !wins ? 1 : half,
        exact && !loses ? 1 : half);
  }

  /// Measures the weighted sum of parts; one alone is the task's own number.
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
      return new Measured(value, n, 0, c -> Interval.wilsonAt(hits, n, c), 0, LEAST, LEAST, LEAST);
    }
    Paired paired = Paired.of(before.right(), part.after().right());
    double half = paired.p() / 2;
    return new Measured(
        value,
        n,
        0,
        paired::interval,
        0,
        LEAST,
        paired.onlySecond() > paired.onlyFirst() ? half : 1,
        paired.onlySecond() < paired.onlyFirst() ? half : 1);
  }

  private static Measured unknown(double value, int n, int clusters) {
    return new Measured(value, n, clusters, c -> Interval.UNKNOWN, 0, LEAST, LEAST, LEAST);
  }

  private static Measured resampled(List<ScorePart> parts, double value, int n, int clusters) {
    ScorePart.Drawn drawn = ScorePart.draw(parts);
    if (drawn == null) {
      return unknown(value, n, clusters);
    }
    double least = 1.0 / (Bootstrap.STANDARD.resamples() + 1);
    return new Measured(value, n, clusters, drawn::interval, 0, least, least, least);
  }

  /// The same with the sign turned: of what is better where it is less.
  public Measured negative() {
    return new Measured(
        -value,
        documents,
        clusters,
        c -> {
          Interval interval = intervals.apply(c);
          return new Interval(-interval.high(), -interval.low());
        },
        -even,
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

  /// Clusters of documents behind it; 0: each document stands for itself.
  public int clusters() {
    return clusters;
  }

  /// The two-sided interval; its ends are infinite where nothing is known.
  ///
  /// @param confidence such as 0.95; a one-sided bound at 0.95 is an end of that at 0.9
  public Interval interval(double confidence) {
    return intervals.apply(confidence);
  }

  /// How likely such a number is, one-sided, were it not truly above a limit; 1 where it is not.
  public double pAbove(double limit) {
    return Math.max(p(c -> interval(c).low() > limit), limit >= even ? exactAbove : least);
  }

  /// How likely such a number is, one-sided, were it not truly below a limit; 1 where it is not.
  public double pBelow(double limit) {
    return Math.max(p(c -> interval(c).high() < limit), limit <= even ? exactBelow : least);
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

  /// How many more documents show, four times of five, that a value like this one is not the limit.
  /// An interval narrows with the root of the documents: n (detectable / distance)² in all.
  /// Infinite where nothing is known, or where the value is the limit.
  ///
  /// @param alpha one-sided level
  double more(double limit, double alpha) {
    double times = detectable(alpha) / Math.abs(value - limit);
    return Math.max(1, documents * (times * times - 1));
  }
}
