package dev.nudge.eval;

import java.util.Arrays;

/// A score with what it came to on resamples of its data, made by [Bootstrap].
///
/// Intervals are those of the percentile method: the middle share of the resamples' scores, between
/// ranks by straight lines. They need no shape of the distribution and follow a score to its
/// limits, but do not correct for a score that is biased on small samples.
public final class Resampled {
  private static final double ROUNDING = 1e-12;

  private final double value;
  private final double[] sorted;
  private final int units;

  private Resampled(double value, double[] sorted, int units) {
    this.value = value;
    this.sorted = sorted;
    this.units = units;
  }

  /// Takes scores in any order.
  ///
  /// @throws IllegalArgumentException where one is no number
  static Resampled of(double value, double[] scores, int units) {
    double[] sorted = scores.clone();
    Arrays.sort(sorted);
    if (Double.isNaN(value) || Double.isNaN(sorted[sorted.length - 1])) { // NaN sorts last
      throw new IllegalArgumentException(
          "the score of " + (Double.isNaN(value) ? "the data" : "a resample") + " is no number");
    }
    return new Resampled(value, sorted, units);
  }

  /// The score of the data themselves.
  public double value() {
    return value;
  }

  /// How many units were drawn from.
  public int units() {
    return units;
  }

  /// The standard error: the deviation of the resamples' scores.
  public double error() {
    double mean = Arrays.stream(sorted).average().orElseThrow();
    double squares = Arrays.stream(sorted).map(x -> (x - mean) * (x - mean)).sum();
    return Math.sqrt(squares / (sorted.length - 1));
  }

  /// The interval that leaves out half of 1 − confidence at either end.
  public Interval interval(double confidence) {
    double outside = (1 - confidence) / 2;
    return new Interval(quantile(outside), quantile(1 - outside));
  }

  /// Whether all resamples have the same score, but for rounding.
  public boolean isAlike() {
    return sorted[sorted.length - 1] - sorted[0] <= ROUNDING * Math.max(1, Math.abs(value));
  }

  /// The interval of a mean of scores that lie between two numbers, or of differences of such. It
  /// keeps a width where all resamples are alike: what no unit showed may still be the share of one
  /// in many, at most that of [Interval#wilsonAt] of none, each as far off as it can be. For shares
  /// without a difference, and for those that differ throughout, that is the interval of
  /// [Paired#interval].
  public Interval interval(double confidence, double least, double most) {
    if (!isAlike()) {
      return interval(confidence);
    }
    double unseen = Interval.wilsonAt(0, units, confidence).high();
    double off = Math.max(value - least, most - value) * unseen;
    return new Interval(Math.max(least, value - off), Math.min(most, value + off));
  }

  /// What the true score is above with a confidence, one-sided.
  public double lower(double confidence) {
    return quantile(1 - confidence);
  }

  /// What the true score is below with a confidence, one-sided.
  public double upper(double confidence) {
    return quantile(confidence);
  }

  /// The two-sided p-value of "the true score is 0", for differences: twice the share of resamples
  /// on the side of 0 that has fewer, the data counted in so that it is never 0. Where it is below
  /// α the interval at 1 − α leaves out 0, but for a resample's worth.
  public double p() {
    long below = Arrays.stream(sorted).filter(x -> x <= 0).count();
    long above = Arrays.stream(sorted).filter(x -> x >= 0).count();
    return Math.min(1, 2 * (Math.min(below, above) + 1) / (sorted.length + 1.0));
  }

  /// A quantile of the resamples' scores, as numpy's default.
  private double quantile(double share) {
    if (!(share >= 0 && share <= 1)) {
      throw new IllegalArgumentException("a share of " + share + " is not from 0 to 1");
    }
    double at = share * (sorted.length - 1);
    int low = (int) at;
    int high = Math.min(low + 1, sorted.length - 1);
    return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
  }
}
