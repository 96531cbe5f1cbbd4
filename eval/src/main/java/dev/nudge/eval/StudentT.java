package dev.nudge.eval;

/// Student's t distribution, for means of few observations. With infinite degrees of freedom it is
/// the normal distribution.
///
///     P(|T| > t) = I_x(f / 2, 1 / 2)    x = f / (f + t²)
public final class StudentT {
  private static final int HALVINGS = 200;
  private static final double FARTHEST = 1e9;
  private static final double NORMAL = 1e8; // degrees of freedom from which it equals the normal

  private StudentT() {}

  /// Returns the two-sided tail probability P(|T| > t).
  ///
  /// @param freedom degrees of freedom, above 0; may be infinite
  public static double outside(double t, double freedom) {
    check(freedom);
    if (freedom >= NORMAL) {
      return Math.min(1, 2 * Special.normalAbove(Math.abs(t)));
    }
    return Math.exp(Special.logBetaBelow(freedom / 2, 0.5, freedom / (freedom + t * t)));
  }

  /// Returns the quantile at a probability, at most 10⁹.
  ///
  /// @param share between 0 and 1
  /// @param freedom degrees of freedom, above 0; may be infinite
  public static double quantile(double share, double freedom) {
    check(freedom);
    if (!(share > 0 && share < 1)) {
      throw new IllegalArgumentException("a share of " + share + " is not between 0 and 1");
    }
    if (share < 0.5) {
      return -quantile(1 - share, freedom);
    }
    double low = 0;
    double high = FARTHEST;
    for (int i = 0; i < HALVINGS && low < high; i++) {
      double middle = (low + high) / 2;
      if (outside(middle, freedom) > 2 * (1 - share)) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return (low + high) / 2;
  }

  private static void check(double freedom) {
    if (!(freedom > 0)) {
      throw new IllegalArgumentException(freedom + " degrees of freedom; there must be some");
    }
  }
}
