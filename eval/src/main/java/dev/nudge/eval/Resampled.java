package dev.nudge.eval;

import java.util.Arrays;

/// A score with its bootstrap distribution, made by [Bootstrap].
///
/// Intervals are by the percentile method, ranks interpolated linearly. They assume no shape of
/// the distribution and respect the range of a score, but do not correct small-sample bias.
public final class Resampled {
  /// The fewest units with a usable interval.
  public static final int FEWEST = 20;

  private static final double ROUNDING = 1e-12;

  private final double value;
  private final double[] sorted;
  private final int units;

  private Resampled(double value, double[] sorted, int units) {
    this.value = value;
    this.sorted = sorted;
    this.units = units;
  }

  /// Takes the scores of the resamples in any order.
  ///
  /// @throws IllegalArgumentException if a score is NaN
  static Resampled of(double value, double[] scores, int units) {
    double[] sorted = scores.clone();
    Arrays.sort(sorted);
    if (Double.isNaN(value) || Double.isNaN(sorted[sorted.length - 1])) { // NaN sorts last
      throw new IllegalArgumentException(
          "the score of " + (Double.isNaN(value) ? "the data" : "a resample") + " is no number");
    }
    return new Resampled(value, sorted, units);
  }

  /// Returns the score of the original sample.
  public double value() {
    return value;
  }

  /// Returns the number of resampling units (items or clusters).
  public int units() {
    return units;
  }

  /// Returns the standard error: the standard deviation over the resamples.
  public double error() {
    double mean = Arrays.stream(sorted).average().orElseThrow();
    double squares = Arrays.stream(sorted).map(x -> (x - mean) * (x - mean)).sum();
    return Math.sqrt(squares / (sorted.length - 1));
  }

  /// Returns the two-sided percentile interval.
  public Interval interval(double confidence) {
    double outside = (1 - confidence) / 2;
    return new Interval(quantile(outside), quantile(1 - outside));
  }

  /// Whether all resamples have the same score, up to rounding.
  public boolean isAlike() {
    return sorted[sorted.length - 1] - sorted[0] <= ROUNDING * Math.max(1, Math.abs(value));
  }

  /// Returns the percentile interval of a mean of scores, or of differences, from `least` to
  /// `most`. If all resamples are equal it keeps a width: the share of unseen units, up to
  /// [Interval#wilsonAt] of 0 hits in `units`, is assumed at the far end of the range. For
  /// proportions without a difference, or with every case discordant, it equals [Paired#interval].
  public Interval interval(double confidence, double least, double most) {
    if (!isAlike()) {
      return interval(confidence);
    }
    double unseen = Interval.wilsonAt(0, units, confidence).high();
    double off = Math.max(value - least, most - value) * unseen;
    return new Interval(Math.max(least, value - off), Math.min(most, value + off));
  }

  /// Returns the two-sided bootstrap p-value of "the true score is 0", for differences: twice the
  /// proportion of resamples on the rarer side of 0, the sample itself included, so never 0. If it
  /// is below α, the interval at 1 − α excludes 0, up to one resample.
  public double p() {
    long below = Arrays.stream(sorted).filter(x -> x <= 0).count();
    long above = Arrays.stream(sorted).filter(x -> x >= 0).count();
    return Math.min(1, 2 * (Math.min(below, above) + 1) / (sorted.length + 1.0));
  }

  /// Returns a quantile of the resamples' scores by numpy's default method.
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
