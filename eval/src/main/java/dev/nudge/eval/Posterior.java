package dev.nudge.eval;

import org.apache.commons.numbers.gamma.LogBeta;

/// Bayesian posterior of a rate after s hits in n cases, from a uniform prior: Beta(1 + s, 1 + n −
/// s).
///
/// It supplements a test by readable numbers: the probability that one rate exceeds another, and
/// the expected loss of choosing it. They do not replace a test: with repeated analyses "95 %
/// likely" is reached by chance in far more than 5 % of experiments.
///
/// @param a first parameter of the beta distribution
/// @param b second parameter of the beta distribution
public record Posterior(double a, double b) {
  private static final int STEPS = 2000; // of Simpson's rule: relative error 1e-9 here
  private static final double REACH = 12; // standard deviations

  /// Returns the posterior after `hits` hits in `n` cases.
  public static Posterior of(long hits, long n) {
    return new Posterior(1 + hits, 1 + n - hits);
  }

  /// Returns the posterior mean.
  public double mean() {
    return a / (a + b);
  }

  /// Returns the probability that this rate exceeds `other`.
  ///
  /// Integrates f(x) · F_other(x) within [#REACH] standard deviations of the mean.
  public double above(Posterior other) {
    double deviation = Math.sqrt(a * b / ((a + b) * (a + b) * (a + b + 1)));
    double low = Math.max(0, mean() - REACH * deviation);
    double high = Math.min(1, mean() + REACH * deviation);
    double width = (high - low) / STEPS;
    double sum = 0;
    for (int i = 0; i <= STEPS; i++) {
      double x = low + i * width;
      sum += (i == 0 || i == STEPS ? 1 : i % 2 == 1 ? 4 : 2) * density(x) * other.below(x);
    }
    return Math.clamp(sum * width / 3, 0, 1);
  }

  /// Returns the expected loss of choosing this rate: the mean of max(0, other − this).
  public double expectedLoss(Posterior other) {
    double loss =
        other.mean() * new Posterior(other.a + 1, other.b).above(this)
            - mean() * (1 - new Posterior(a + 1, b).above(other));
    return Math.max(0, loss);
  }

  private double density(double x) {
    return Math.exp(
        (a == 1 ? 0 : (a - 1) * Math.log(x))
            + (b == 1 ? 0 : (b - 1) * Math.log1p(-x))
            - LogBeta.value(a, b));
  }

  private double below(double x) {
    return Math.exp(Special.logBetaBelow(a, b, x));
  }
}
