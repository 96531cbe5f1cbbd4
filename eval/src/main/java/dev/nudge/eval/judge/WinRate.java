package dev.nudge.eval.judge;

import dev.nudge.eval.Interval;
import java.util.List;

/// Win rate of the second of two models in pairwise judging.
///
/// The rate is (wins + ties / 2) / n over the n readable pairs; all kinds of ties count. Interval
/// and p are those of [Balance].
///
/// @param wins pairs in which both verdicts prefer the second model
/// @param losses pairs in which both verdicts prefer the first model
/// @param ties pairs in which both verdicts are a tie
/// @param identical pairs of identical answers, which count as ties
/// @param unread pairs with an unreadable verdict, left out
/// @param rate NaN without pairs
/// @param low lower end of the 95 % interval; NaN without pairs, or with few clusters
/// @param p NaN likewise
/// @param clusters number of clusters of pairs; 0 if pairs are independent
/// @param order position bias; its contradictions count as ties too
/// @param longer decided pairs whose answers differ in length
/// @param longerWins decided pairs that the longer answer wins (length bias)
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

  /// Counts judged pairs.
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

  /// The number of readable pairs.
  public int pairs() {
    return wins + losses + allTies();
  }

  /// Ties of every kind: ties, identical answers, contradictions.
  public int allTies() {
    return ties + identical + order.contradictions();
  }

  /// The share of decided pairs that the longer answer wins; NaN if there is none.
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
