package dev.nudge.eval.judge;

import dev.nudge.eval.Interval;
import dev.nudge.eval.Paired;
import java.util.ArrayList;
import java.util.List;

/// How often the second of two models gives the better answer, by a judge.
///
/// The rate is (wins + ties / 2) / n over the n pairs whose verdicts could be read; ties of every
/// kind count. With w wins and l losses it is ½ + (w − l) / 2n, so its interval is that of a
/// difference of shares on the same cases ([Paired#interval]), which keeps a width where all pairs
/// are alike. p is the sign test of "wins and losses are as likely", exact and two-sided: ties say
/// nothing to it. Both take pairs as independent.
///
/// @param wins pairs in which both verdicts prefer the second model
/// @param losses pairs in which both prefer the first
/// @param ties pairs in which both say that neither is better
/// @param identical pairs of the same text, which are ties
/// @param unread pairs with a verdict that could not be read, which count nowhere
/// @param rate NaN where there is no pair
/// @param low of the interval at 95 %; NaN likewise
/// @param p NaN likewise
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
    OrderBias order,
    int longer,
    int longerWins) {
  private static final double CONFIDENCE = 0.95;

  /// Counts pairs.
  public static WinRate of(List<Judged> judged) {
    List<Boolean> first = new ArrayList<>();
    List<Boolean> second = new ArrayList<>();
    int longer = 0;
    int longerWins = 0;
    for (Judged pair : judged) {
      Choice choice = pair.ruling().choice();
      if (choice != null) {
        first.add(choice != Choice.B);
        second.add(choice != Choice.A);
      }
      int more = length(pair.contest().second()) - length(pair.contest().first());
      if (more != 0 && (choice == Choice.A || choice == Choice.B)) {
        longer++;
        longerWins += choice == Choice.B == more > 0 ? 1 : 0;
      }
    }
    double rate = Double.NaN;
    double p = Double.NaN;
    Interval interval = new Interval(Double.NaN, Double.NaN);
    if (!first.isEmpty()) {
      Paired paired = Paired.of(first, second);
      Interval difference = paired.interval(CONFIDENCE);
      rate = 0.5 + paired.difference() / 2;
      interval = new Interval(0.5 + difference.low() / 2, 0.5 + difference.high() / 2);
      p = paired.p();
    }
    return new WinRate(
        count(judged, Ruling.SECOND),
        count(judged, Ruling.FIRST),
        count(judged, Ruling.TIE),
        count(judged, Ruling.IDENTICAL),
        count(judged, Ruling.UNREAD),
        rate,
        interval.low(),
        interval.high(),
        p,
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
