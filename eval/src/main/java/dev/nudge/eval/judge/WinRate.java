package dev.nudge.eval.judge;

import dev.nudge.eval.Interval;
import java.util.List;

/// How often the second of two models gives the better answer, by a judge.
///
/// The rate is (wins + ties / 2) / n over the n pairs whose verdicts could be read; ties of every
/// kind count. Interval and p are those of [Balance].
///
/// @param wins pairs in which both verdicts prefer the second model
/// @param losses pairs in which both prefer the first
/// @param ties pairs in which both say that neither is better
/// @param identical pairs of the same text, which are ties
/// @param unread pairs with a verdict that could not be read, which count nowhere
/// @param rate NaN where there is no pair
/// @param low of the interval at 95 %; NaN likewise, or where clusters are few
/// @param p NaN likewise
/// @param clusters of pairs; 0: each stands for itself
/// @param order in which contradictions are counted, which are ties too
/// @param longer pairs with a winner whose answers are not equally long
/// @param longerWins of them, those that the longer answer wins
public record WinRate(
    int wins,
    int losses,
    int ties,
    int identical,
    int unread,
    double rate,
    double low,
    double high,
    double p,
    int clusters,
    OrderBias order,
    int longer,
    int longerWins) {
  private static final double CONFIDENCE = 0.95;

  /// Counts pairs.
  public static WinRate of(List<Judged> judged) {
    List<Judged> read = judged.stream().filter(p -> p.ruling() != Ruling.UNREAD).toList();
    int longer = 0;
    int longerWins = 0;
    for (Judged pair : read) {
      int more = length(pair.contest().second()) - length(pair.contest().first());
      Ruling ruling = pair.ruling();
      if (more != 0 && (ruling == Ruling.FIRST || ruling == Ruling.SECOND)) {
        longer++;
        longerWins += ruling == Ruling.SECOND == more > 0 ? 1 : 0;
      }
    }
    Balance balance = Balance.of(judged);
    Interval interval = balance.interval(CONFIDENCE);
    return new WinRate(
        count(judged, Ruling.SECOND),
        count(judged, Ruling.FIRST),
        count(judged, Ruling.TIE),
        count(judged, Ruling.IDENTICAL),
        count(judged, Ruling.UNREAD),
        balance.rate(),
        interval.low(),
        interval.high(),
        balance.p(),
        balance.clusters(),
        OrderBias.of(judged),
        longer,
        longerWins);
  }

  /// Pairs that count.
  public int pairs() {
    return wins + losses + allTies();
  }

  /// Ties of every kind.
  public int allTies() {
    return ties + identical + order.contradictions();
  }

  /// The share of decided pairs that the longer answer wins; NaN where there is none.
  public double longerShare() {
    return longerWins / (double) longer;
  }

  private static int length(String text) {
    return text.codePointCount(0, text.length());
  }

  private static int count(List<Judged> judged, Ruling ruling) {
    return (int) judged.stream().filter(pair -> pair.ruling() == ruling).count();
  }
}
