package dev.nudge.eval;

/// Wins, losses and ties of one model against another on the same prompts.
///
/// Ties say nothing of who is better and are dropped. While pairs still come in, the test of "wins
/// are half" is the evidence of [BetaMixture], which may be looked at after every pair; the
/// interval of the share of wins at the end is Wilson's.
public record Wins(long wins, long losses, long ties) {
  private static final BetaMixture HALF = BetaMixture.around(0.5, 100);

  /// Nothing was compared.
  public static final Wins NONE = new Wins(0, 0, 0);

  /// Adds what was seen elsewhere.
  public Wins plus(Wins other) {
    return new Wins(wins + other.wins, losses + other.losses, ties + other.ties);
  }

  /// Pairs that had a winner.
  public long decided() {
    return wins + losses;
  }

  /// The p-value of "wins and losses are as likely"; it holds at all times, two-sided.
  public double p() {
    return BetaMixture.p(HALF.logEvidence(wins, decided(), 0.5));
  }

  /// The share of wins among decided pairs, ½ where there is none.
  public double share() {
    return decided() == 0 ? 0.5 : wins / (double) decided();
  }

  /// The shares of wins that are not refuted, at all times at once.
  public Interval interval(double alpha) {
    return HALF.interval(wins, decided(), alpha);
  }

  /// The 95 % interval of the share of wins where one looks once, at the end.
  public Interval wilson() {
    return decided() == 0
        ? new Interval(0, 1)
        : Interval.wilson(Math.toIntExact(wins), Math.toIntExact(decided()));
  }
}
