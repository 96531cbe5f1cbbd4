package dev.nudge.eval;

/// Tells how small an effect a comparison can see, so that "no difference was found" can be read.
///
/// For right or wrong answers on the same cases [1]: with a share d of cases that the two answer
/// differently and a gain x of the second, n cases show the gain at level α with power 1 − β where
///
///     n = ( z_{α/2} √d + z_β √(d − x²) )² / x²
///
/// For a mean difference with standard error e it is x = (z_{α/2} + z_β) e. Two-sided, by the
/// normal approximation; cases are independent, else e is the clustered one.
///
/// [1] R. Connor, Sample size for testing differences in proportions for the paired-sample design,
/// 1987.
///
/// @param alpha level of the test, two-sided
/// @param power with which the effect is seen
public record Detectable(double alpha, double power) {
  /// Five percent, four times of five.
  public static final Detectable USUAL = new Detectable(0.05, 0.8);

  private static final int HALVINGS = 60;

  public Detectable {
    if (!(alpha > 0 && alpha < 1) || !(power > alpha / 2 && power < 1)) {
      throw new IllegalArgumentException(
          "level %s and power %s; both must be between 0 and 1, the power above half the level"
              .formatted(alpha, power));
    }
  }

  /// The cases that show a gain, not rounded.
  ///
  /// @param differing the share of cases that the two answer differently
  /// @param gain by how much the share of right answers grows, at most `differing`
  public double cases(double differing, double gain) {
    if (!(gain > 0 && gain <= differing && differing <= 1)) {
      throw new IllegalArgumentException(
          "a gain of %s where a share of %s differs; it must be above 0 and at most that share"
              .formatted(gain, differing));
    }
    double root = zAlpha() * Math.sqrt(differing) + zBeta() * Math.sqrt(differing - gain * gain);
    return root * root / (gain * gain);
  }

  /// The smallest gain that so many cases show; NaN where even a gain of all that differ is too
  /// small to be seen, or nothing differs.
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

  /// The smallest mean difference that is seen where it has this standard error.
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
