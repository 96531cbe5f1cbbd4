package dev.nudge.eval;

import java.util.List;

/// A number estimated from a sample, with its standard error.
///
/// @param value the estimate
/// @param error its standard error
/// @param n number of observations
public record Estimate(double value, double error, double n) {

  /// No data: an infinite standard error.
  public static final Estimate NONE = new Estimate(0, Double.POSITIVE_INFINITY, 0);

  /// Returns the estimate scaled by a factor.
  public Estimate times(double factor) {
    return new Estimate(value * factor, error * Math.abs(factor), n);
  }

  /// Returns the difference of two independent estimates, this − other. Its n is that of two equal
  /// samples with the same error: 4 / (1/n₁ + 1/n₂).
  public Estimate minus(Estimate other) {
    if (n == 0 || other.n == 0) {
      return NONE;
    }
    return new Estimate(
        value - other.value, Math.hypot(error, other.error), 4 / (1 / n + 1 / other.n));
  }

  /// Returns the inverse-variance weighted mean of estimates of one quantity (weights 1 / error²).
  public static Estimate pooled(List<Estimate> samples) {
    double weights = 0;
    double sum = 0;
    double n = 0;
    for (Estimate sample : samples) {
      if (sample.n > 0 && sample.error > 0) {
        double weight = 1 / (sample.error * sample.error);
        weights += weight;
        sum += weight * sample.value;
        n += sample.n;
      }
    }
    return weights == 0 ? NONE : new Estimate(sum / weights, 1 / Math.sqrt(weights), n);
  }
}
