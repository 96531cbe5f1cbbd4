package dev.nudge.eval;

/// Judges whether something got worse by no more than a margin: that "no significant difference"
/// was found shows nothing on few cases, this does.
///
/// Not inferior is what has the lower bound of its difference (after − before, higher is better)
/// above −margin; inferior what has its upper bound below −margin; else the data do not say. Both
/// bounds are one-sided at the same confidence. The margin is chosen before one looks.
///
/// @param difference after − before
/// @param lower bound of it, one-sided
/// @param upper bound of it, one-sided
/// @param margin what may be lost, 0 or more
/// @param units independent ones behind it
public record NonInferiority(
    double difference, double lower, double upper, double margin, int units) {

  /// Fewer than so many units of a bootstrap say nothing.
  public static final int FEWEST = 20;

  /// What is known.
  public enum Verdict {
    /// Not inferior.
    HOLDS,
    /// Inferior.
    FAILS,
    /// Neither is shown.
    OPEN
  }

  public NonInferiority {
    if (!(margin >= 0)) {
      throw new IllegalArgumentException("a margin of " + margin + "; it must be 0 or more");
    }
  }

  /// Judges a difference that was resampled. Its assumptions are those of [Bootstrap]; below
  /// [#FEWEST] units it is open, and where all resamples are alike, for nothing is known of a case
  /// that would be other.
  ///
  /// @param confidence of each bound, such as 0.95
  public static NonInferiority of(Resampled difference, double margin, double confidence) {
    boolean unknown = difference.units() < FEWEST || difference.isAlike();
    return of(
        difference, unknown ? Interval.UNKNOWN : difference.interval(2 * confidence - 1), margin);
  }

  /// Judges a resampled mean of differences that lie between two numbers, such as −1 and 1 of
  /// scores from 0 to 1. Where all resamples are alike its bounds keep a width, by
  /// [Resampled#interval(double, double, double)]; below [#FEWEST] units it is open.
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

  /// Judges a difference of shares of right answers, by the score interval of [Paired#interval].
  ///
  /// @param paired before is the first of the two, after the second
  public static NonInferiority of(Paired paired, double margin, double confidence) {
    Interval interval = paired.interval(2 * confidence - 1); // one-sided ends
    return new NonInferiority(
        paired.difference(), interval.low(), interval.high(), margin, paired.cases());
  }

  /// What is known at this margin.
  public Verdict verdict() {
    if (lower > -margin) {
      return Verdict.HOLDS;
    }
    return upper < -margin ? Verdict.FAILS : Verdict.OPEN;
  }
}
