package dev.nudge.eval;

/// Confidence interval of an estimate. [#wilson] is the 95 % Wilson score interval [1] of a
/// proportion for a single analysis; for repeated analyses use [NormalMixture] and [BetaMixture].
///
/// With p = hits / n and z the 97.5 % point of the normal distribution, its ends are
///
///     (p + z²/2n ± z √(p (1 − p)/n + z²/4n²)) / (1 + z²/n)
///
/// It stays within [0, 1] and keeps a width for 0 or n hits, unlike p ± z·s.
///
/// [1] E. B. Wilson, Probable inference, the law of succession, and statistical inference, 1927.
public record Interval(double low, double high) {
  /// The whole real line: nothing is known.
  public static final Interval UNKNOWN =
      new Interval(Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY);

  private static final double Z = 1.959963984540054;

  /// Returns the 95 % Wilson interval of the proportion hits / n.
  ///
  /// @throws IllegalArgumentException if n is 0, or hits exceeds n
  public static Interval wilson(int hits, int n) {
    return wilson(hits, n, Z);
  }

  /// Returns the Wilson interval at a given confidence.
  ///
  /// @param confidence such as 0.9; a one-sided bound at 0.95 is an end of the interval at 0.9
  public static Interval wilsonAt(int hits, int n, double confidence) {
    return wilson(hits, n, -Special.normalQuantile((1 - confidence) / 2));
  }

  private static Interval wilson(int hits, int n, double of) {
    if (n < 1 || hits < 0 || hits > n) {
      throw new IllegalArgumentException(hits + " of " + n + " is no share");
    }
    double p = hits / (double) n;
    double z = of * of / n;
    double middle = p + z / 2;
    double half = Math.sqrt(p * (1 - p) * z + z * z / 4);
    return new Interval(
        Math.max(0, (middle - half) / (1 + z)), Math.min(1, (middle + half) / (1 + z)));
  }

  /// Whether the interval lies within ±margin.
  public boolean within(double margin) {
    return low >= -margin && high <= margin;
  }
}
