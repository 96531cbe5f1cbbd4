package dev.nudge.eval;

import java.util.List;
import java.util.function.DoubleUnaryOperator;

/// Compares two models on the same cases: the exact McNemar test [1] on the discordant pairs.
///
/// Concordant cases (both right or both wrong) carry no information. Under the null hypothesis
/// each of the n discordant cases favours either model with probability ½, so with k the smaller
/// count
///
///     p = min(1, 2 · Σ_{i ≤ k} C(n, i) / 2ⁿ)
///
/// and p = 1 if n = 0. Two-sided. The exact test is conservative: on few discordant cases it
/// rejects less often than its level.
///
/// Cases are independent; if several belong to one document, use [Bootstrap] with the documents as
/// clusters.
///
/// [1] Q. McNemar, Note on the sampling error of the difference between correlated proportions,
/// 1947.
///
/// @param both cases that both models have right
/// @param onlyFirst cases that only the first model has right
/// @param onlySecond cases that only the second model has right
/// @param neither cases that both models have wrong
/// @param p two-sided p-value of the exact test
public record Paired(int both, int onlyFirst, int onlySecond, int neither, double p) {

  /// Compares right/wrong answers case by case.
  ///
  /// @param first whether the first model has each case right
  /// @param second whether the second model has each case right, of equal length
  public static Paired of(List<Boolean> first, List<Boolean> second) {
    if (first.size() != second.size()) {
      throw new IllegalArgumentException(
          first.size() + " cases of one and " + second.size() + " of the other are no pairs");
    }
    int[] cells = new int[4];
    for (int i = 0; i < first.size(); i++) {
      cells[(first.get(i) ? 0 : 2) + (second.get(i) ? 0 : 1)]++;
    }
    return new Paired(cells[0], cells[1], cells[2], cells[3], p(cells[1], cells[2]));
  }

  /// Returns the two-sided exact p-value of a split into `a` and `b`.
  static double p(int a, int b) {
    int n = a + b;
    double logTerm = -n * Math.log(2); // log of C(n, 0) / 2^n, which may underflow a double
    double sum = 0;
    for (int i = 0; i <= Math.min(a, b); i++) {
      sum += Math.exp(logTerm);
      logTerm += Math.log(n - i) - Math.log(i + 1);
    }
    return Math.min(1, 2 * sum);
  }

  /// Returns the number of cases.
  public int cases() {
    return both + onlyFirst + onlySecond + neither;
  }

  /// Returns the second model's accuracy minus the first's.
  public double difference() {
    return (onlySecond - onlyFirst) / (double) cases();
  }

  /// Returns the interval of [#difference()], by [PairedShares].
  ///
  /// @param confidence such as 0.95; a one-sided bound at 0.95 is an end of the interval at 0.9
  public Interval interval(double confidence) {
    return PairedShares.interval(onlyFirst, onlySecond, cases(), confidence);
  }

  /// Returns whether the second model is better, at the level of 5 %.
  public boolean secondIsBetter() {
    return onlySecond > onlyFirst && p < 0.05;
  }

  /// Tango's score interval [1] of the difference of two paired proportions.
  ///
  /// With b cases that only the first model has right, c that only the second has right, and n in
  /// all, a difference δ is inside if
  ///
  ///     | c − b − n δ | ≤ z √( n (2 q + δ (1 − δ)) )
  ///
  /// and q is the maximum-likelihood proportion of "only the first" given the difference δ. Without
  /// discordant cases it keeps a width, z² / (n + z²) to either side; a bootstrap would have zero
  /// width then, and a few cases would pass any margin. Cases are independent.
  ///
  /// [1] T. Tango, Equivalence test and confidence interval for the difference in proportions for
  /// the
  /// paired-sample design, 1998.
  private static final class PairedShares {
    private static final int HALVINGS = 100;

    private PairedShares() {}

    static Interval interval(int onlyFirst, int onlySecond, int cases, double confidence) {
      if (cases < 1) {
        throw new IllegalArgumentException("a difference of shares needs a case");
      }
      double z = -Special.normalQuantile((1 - confidence) / 2);
      double seen = (onlySecond - onlyFirst) / (double) cases;
      DoubleUnaryOperator score = d -> score(onlyFirst, onlySecond, cases, d);
      return new Interval(end(score, z, seen, -1), end(score, -z, seen, 1));
    }

    private static double end(DoubleUnaryOperator score, double at, double seen, double outermost) {
      double in = seen;
      double out = outermost;
      for (int i = 0; i < HALVINGS; i++) {
        double middle = (in + out) / 2;
        if (Math.abs(score.applyAsDouble(middle)) < Math.abs(at)) {
          in = middle;
        } else {
          out = middle;
        }
      }
      return (in + out) / 2;
    }

    /// How many standard errors the counts are above a difference.
    private static double score(int b, int c, double n, double d) {
      double linear = -c - b + (2 * n - c + b) * d;
      double root = Math.sqrt(linear * linear + 8 * n * b * d * (1 - d));
      double q = (root - linear) / (4 * n);
      double variance = n * (2 * q + d * (1 - d));
      double above = c - b - n * d;
      return variance <= 0
          ? Math.signum(above) * Double.POSITIVE_INFINITY
          : above / Math.sqrt(variance);
    }
  }
}
