package dev.nudge.eval.judge;

import dev.nudge.eval.Bootstrap;
import dev.nudge.eval.Interval;
import dev.nudge.eval.NonInferiority;
import dev.nudge.eval.Paired;
import dev.nudge.eval.Resampled;
import dev.nudge.eval.run.Units;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// How often the second of two models gives the better answer, by a judge.
///
/// The rate is (wins + ties / 2) / n over the n pairs whose verdicts could be read; ties of every
/// kind count. With w wins and l losses it is ½ + (w − l) / 2n, so its interval is that of a
/// difference of shares on the same cases ([Paired#interval]), which keeps a width where all pairs
/// are alike. p is the sign test of "wins and losses are as likely", exact and two-sided: ties say
/// nothing to it. Where pairs hang together, both are of a bootstrap of their clusters; fewer than
/// [NonInferiority#FEWEST] of those tell nothing.
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
    List<@Nullable String> clusters = new ArrayList<>();
    read.forEach(pair -> clusters.add(pair.contest().cluster()));
    Units units = Units.by(clusters);
    Rate rate =
        read.isEmpty()
            ? Rate.NONE
            : units.areClusters() ? resampled(read, units.numbers()) : counted(read);
    return new WinRate(
        count(judged, Ruling.SECOND),
        count(judged, Ruling.FIRST),
        count(judged, Ruling.TIE),
        count(judged, Ruling.IDENTICAL),
        count(judged, Ruling.UNREAD),
        rate.value,
        rate.interval.low(),
        rate.interval.high(),
        rate.p,
        units.clusterCount(),
        OrderBias.of(judged),
        longer,
        longerWins);
  }

  /// A rate with what is known of it.
  private record Rate(double value, Interval interval, double p) {
    static final Interval UNKNOWN = new Interval(Double.NaN, Double.NaN);
    static final Rate NONE = new Rate(Double.NaN, UNKNOWN, Double.NaN);
  }

  private static Rate counted(List<Judged> read) {
    List<Boolean> first = new ArrayList<>();
    List<Boolean> second = new ArrayList<>();
    for (Judged pair : read) { // of a tie both are as good
      first.add(pair.ruling() != Ruling.SECOND);
      second.add(pair.ruling() != Ruling.FIRST);
    }
    Paired paired = Paired.of(first, second);
    return new Rate(0.5 + paired.difference() / 2, half(paired.interval(CONFIDENCE)), paired.p());
  }

  private static Rate resampled(List<Judged> read, int[] clusters) {
    double[] balance = new double[read.size()]; // 1 of a win, −1 of a loss
    for (int i = 0; i < balance.length; i++) {
      Ruling ruling = read.get(i).ruling();
      balance[i] = ruling == Ruling.SECOND ? 1 : ruling == Ruling.FIRST ? -1 : 0;
    }
    Resampled mean = Bootstrap.STANDARD.mean(balance, clusters);
    double value = 0.5 + mean.value() / 2;
    return mean.units() < NonInferiority.FEWEST
        ? new Rate(value, Rate.UNKNOWN, Double.NaN)
        : new Rate(value, half(mean.interval(CONFIDENCE, -1, 1)), mean.p());
  }

  /// The interval of a rate, of that of wins less losses.
  private static Interval half(Interval balance) {
    return new Interval(0.5 + balance.low() / 2, 0.5 + balance.high() / 2);
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
