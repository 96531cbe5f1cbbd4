package dev.nudge.eval;

/// Power analysis: the smallest effect that a comparison detects.
///
/// For paired right/wrong answers [1]: with a proportion d of discordant cases and a gain x of the
/// second model, n cases detect the gain at level α with power 1 − β if
///
///     n = ( z_{α/2} √d + z_β √(d − x²) )² / x²
///
/// For a mean difference with standard error e the smallest effect is x = (z_{α/2} + z_β) e.
/// Two-sided, by the normal approximation; for correlated cases pass the clustered e.
///
/// [1] R. Connor, Sample size for testing differences in proportions for the paired-sample design,
/// 1987.
///
/// @param alpha level of the test, two-sided
/// @param power probability of detecting the effect
public record Detectable(double alpha, double power) {
  /// Level 5 %, power 80 %.
  public static final Detectable USUAL = new Detectable(0.05, 0.8);

  private static final int HALVINGS = 60;

  public Detectable {
    if (!(alpha > 0 && alpha < 1) || !(power > alpha / 2 && power < 1)) {
      throw new IllegalArgumentException(
          "level %s and power %s; both must be between 0 and 1, the power above half the level"
              .formatted(alpha, power));
    }
  }

  /// Returns the number of cases that detect a gain, not rounded.
  ///
  /// @param differing proportion of cases that exactly one model has right
  /// @param gain increase of the proportion of right answers, at most `differing`
  public double cases(double differing, double gain) {
    if (!(gain > 0 && gain <= differing && differing <= 1)) {
      throw new IllegalArgumentException(
          "a gain of %s where a share of %s differs; it must be above 0 and at most that share"
              .formatted(gain, differing));
    }
    double root = zAlpha() * Math.sqrt(differing) + zBeta() * Math.sqrt(differing - gain * gain);
    return root * root / (gain * gain);
  }

  /// Returns the smallest gain that `cases` cases detect; NaN if no gain up to `differing` is
  /// detectable, or `differing` is 0.
  public double gain(double differing, int cases) {
    if (!(differing > 0) || cases(differing, differing) > cases) {
      return Double.NaN;
    }
    double low = 0;
    double high = differing;
    for (int i = 0; i < HALVINGS; i++) {
      double middle = (low + high) / 2;
      if (middle == 0 || cases(differing, middle) > cases) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return high;
  }

  /// Returns the smallest mean difference that is detectable at the standard error `error`.
  public double difference(double error) {
    return (zAlpha() + zBeta()) * error;
  }

  private double zAlpha() {
    return -Special.normalQuantile(alpha / 2);
  }

  private double zBeta() {
    return Special.normalQuantile(power);
  }
}
