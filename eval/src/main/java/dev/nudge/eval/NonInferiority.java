package dev.nudge.eval;

/// Non-inferiority test: whether a score dropped by no more than a margin. "No significant
/// difference" shows nothing on few cases; this test does.
///
/// The result is [Verdict#HOLDS] if the lower bound of the difference (after − before, higher is
/// better) lies above −margin, [Verdict#FAILS] if the upper bound lies below −margin, else
/// [Verdict#OPEN]. Both bounds are one-sided at the same confidence. Choose the margin before
/// looking at the data.
///
/// @param difference after − before
/// @param lower one-sided lower bound of the difference
/// @param upper one-sided upper bound of the difference
/// @param margin tolerated loss, 0 or more
/// @param units number of independent units (items or clusters)
public record NonInferiority(
    double difference, double lower, double upper, double margin, int units) {

  /// The fewest bootstrap units that give a verdict.
  public static final int FEWEST = 20;

  /// The result of the test.
  public enum Verdict {
    /// Not inferior.
    HOLDS,
    /// Inferior.
    FAILS,
    /// Inconclusive.
    OPEN
  }

  public NonInferiority {
    if (!(margin >= 0)) {
      throw new IllegalArgumentException("a margin of " + margin + "; it must be 0 or more");
    }
  }

  /// Tests a bootstrapped difference, with the assumptions of [Bootstrap]. The verdict is open
  /// below [#FEWEST] units, or if all resamples are alike.
  ///
  /// @param confidence of each bound, such as 0.95
  public static NonInferiority of(Resampled difference, double margin, double confidence) {
    boolean unknown = difference.units() < FEWEST || difference.isAlike();
    return of(
        difference, unknown ? Interval.UNKNOWN : difference.interval(2 * confidence - 1), margin);
  }

  /// Tests a bootstrapped mean of differences with known range, such as −1 to 1 for scores from
  /// 0 to 1. If all resamples are alike the bounds keep a width, by
  /// [Resampled#interval(double, double, double)]; below [#FEWEST] units the verdict is open.
  ///
  /// @param confidence of each bound, such as 0.95
  public static NonInferiority of(
      Resampled difference, double margin, double confidence, double least, double most) {
    boolean few = difference.units() < FEWEST;
    return of(
        difference,
        few
            ? Interval.UNKNOWN
            : difference.interval(2 * confidence - 1, least, most), // one-sided ends
        margin);
  }

  private static NonInferiority of(Resampled difference, Interval bounds, double margin) {
    return new NonInferiority(
        difference.value(), bounds.low(), bounds.high(), margin, difference.units());
  }

  /// Tests a difference of accuracies, by the score interval of [Paired#interval].
  ///
  /// @param paired the first model is before, the second after
  public static NonInferiority of(Paired paired, double margin, double confidence) {
    Interval interval = paired.interval(2 * confidence - 1); // one-sided ends
    return new NonInferiority(
        paired.difference(), interval.low(), interval.high(), margin, paired.cases());
  }

  /// The verdict at this margin.
  public Verdict verdict() {
    if (lower > -margin) {
      return Verdict.HOLDS;
    }
    return upper < -margin ? Verdict.FAILS : Verdict.OPEN;
  }
}
