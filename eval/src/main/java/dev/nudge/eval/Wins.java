package dev.nudge.eval;

/// Wins, losses and ties of one model against another on the same prompts (pairwise preference).
///
/// Ties carry no information and are dropped. While pairs arrive, "wins and losses are equally
/// likely" is tested by [BetaMixture], valid after every pair; at the end the interval of the win
/// rate is Wilson's.
public record Wins(long wins, long losses, long ties) {
  private static final BetaMixture HALF = BetaMixture.around(0.5, 100);

  /// No pairs.
  public static final Wins NONE = new Wins(0, 0, 0);

  /// Returns the sum of two counts.
  public Wins plus(Wins other) {
    return new Wins(wins + other.wins, losses + other.losses, ties + other.ties);
  }

  /// Returns the number of pairs without ties.
  public long decided() {
    return wins + losses;
  }

  /// Returns the two-sided always-valid p-value of "wins and losses are equally likely".
  public double p() {
    return BetaMixture.p(HALF.logEvidence(wins, decided(), 0.5));
  }

  /// Returns the win rate among decided pairs, ½ if there is none.
  public double share() {
    return decided() == 0 ? 0.5 : wins / (double) decided();
  }

  /// Returns the confidence sequence of the win rate, valid at all times.
  public Interval interval(double alpha) {
    return HALF.interval(wins, decided(), alpha);
  }

  /// Returns the 95 % Wilson interval of the win rate, for one look at the end.
  public Interval wilson() {
    return decided() == 0
        ? new Interval(0, 1)
        : Interval.wilson(Math.toIntExact(wins), Math.toIntExact(decided()));
  }
}
