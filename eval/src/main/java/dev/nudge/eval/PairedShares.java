package dev.nudge.eval;

import java.util.function.DoubleUnaryOperator;

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
/// [1] T. Tango, Equivalence test and confidence interval for the difference in proportions for the
/// paired-sample design, 1998.
final class PairedShares {
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

  /// Returns by how many standard errors the counts exceed a difference.
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
