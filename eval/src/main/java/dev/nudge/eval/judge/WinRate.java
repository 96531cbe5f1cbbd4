package dev.nudge.eval.judge;

import dev.nudge.eval.Bootstrap;
import dev.nudge.eval.Interval;
import dev.nudge.eval.Paired;
import dev.nudge.eval.Resampled;
import dev.nudge.eval.run.Units;
import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleFunction;
import org.jspecify.annotations.Nullable;

/// Win rate of the second of two models in pairwise judging, all kinds of ties being half a win.
///
/// With w wins and l losses in n readable pairs the rate is ½ + (w − l) / 2n, so its interval is
/// that of a paired difference of proportions ([Paired#interval]), which keeps a width if all pairs
/// have the same result. p is the exact two-sided sign test of "wins and losses are equally
/// likely", ties left out. For clustered pairs both come from a cluster bootstrap; with fewer than
/// [Resampled#FEWEST] clusters nothing is known.
///
/// @param wins pairs in which both verdicts prefer the second model
/// @param losses pairs in which both verdicts prefer the first model
/// @param ties pairs in which both verdicts are a tie
/// @param identical pairs of identical answers, which count as ties
/// @param unread pairs with an unreadable verdict, left out
/// @param units number of independent units: pairs, or clusters of pairs
/// @param clusters number of clusters of pairs; 0 if pairs are independent
/// @param rate the win rate; NaN without pairs
/// @param p p-value of the sign test; NaN without pairs, or with few clusters
/// @param low lower end of the 95 % interval; NaN likewise
/// @param order position bias; its contradictions count as ties too
/// @param longer decided pairs whose answers differ in length
/// @param longerWins decided pairs that the longer answer wins (length bias)
public record WinRate(
    int wins,
    int losses,
    int ties,
    int identical,
    int unread,
    int units,
    int clusters,
    double rate,
    double p,
    double low,
    double high,
    OrderBias order,
    int longer,
    int longerWins) {
  private static final double CONFIDENCE = 0.95;
  private static final Interval UNKNOWN = new Interval(Double.NaN, Double.NaN);

  /// A number between −1 and 1: wins minus losses, over all pairs.
  private record Balance(double value, double p, DoubleFunction<Interval> intervals) {}

  /// Counts judged pairs.
  public static WinRate of(List<Judged> judged) {
    List<Judged> read = read(judged);
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
    Units units = units(read);
    Balance balance = balance(read, units);
    Interval interval = balance.intervals().apply(CONFIDENCE);
    return new WinRate(
        count(judged, Ruling.SECOND),
        count(judged, Ruling.FIRST),
        count(judged, Ruling.TIE),
        count(judged, Ruling.IDENTICAL),
        count(judged, Ruling.UNREAD),
        units.count(),
        units.clusterCount(),
        0.5 + balance.value() / 2,
        balance.p(),
        interval.low(),
        interval.high(),
        OrderBias.of(judged),
        longer,
        longerWins);
  }

  /// Returns the two-sided interval of the rate by confidence, such as 0.95; the one-sided bound at
  /// 0.95 is an end of the interval at 0.9. NaN if nothing is known.
  public static DoubleFunction<Interval> intervals(List<Judged> judged) {
    List<Judged> read = read(judged);
    return balance(read, units(read)).intervals();
  }

  private static List<Judged> read(List<Judged> judged) {
    return judged.stream().filter(pair -> pair.ruling() != Ruling.UNREAD).toList();
  }

  private static Units units(List<Judged> read) {
    List<@Nullable String> clusters = new ArrayList<>();
    read.forEach(pair -> clusters.add(pair.contest().cluster()));
    return Units.by(clusters);
  }

  private static Balance balance(List<Judged> read, Units units) {
    return read.isEmpty()
        ? new Balance(Double.NaN, Double.NaN, _ -> UNKNOWN)
        : units.areClusters() ? resampled(read, units) : counted(read);
  }

  private static Balance counted(List<Judged> read) {
    List<Boolean> first = new ArrayList<>();
    List<Boolean> second = new ArrayList<>();
    for (Judged pair : read) { // in a tie both are right
      first.add(pair.ruling() != Ruling.SECOND);
      second.add(pair.ruling() != Ruling.FIRST);
    }
    Paired paired = Paired.of(first, second);
    return new Balance(paired.difference(), paired.p(), c -> half(paired.interval(c)));
  }

  private static Balance resampled(List<Judged> read, Units units) {
    double[] balance = new double[read.size()]; // 1: win, −1: loss
    for (int i = 0; i < balance.length; i++) {
      Ruling ruling = read.get(i).ruling();
      balance[i] = ruling == Ruling.SECOND ? 1 : ruling == Ruling.FIRST ? -1 : 0;
    }
    Resampled mean = Bootstrap.STANDARD.mean(balance, units.numbers());
    return mean.units() < Resampled.FEWEST
        ? new Balance(mean.value(), Double.NaN, _ -> UNKNOWN)
        : new Balance(mean.value(), mean.p(), c -> half(mean.interval(c, -1, 1)));
  }

  /// Converts the interval of (wins − losses) / n to that of the win rate.
  private static Interval half(Interval balance) {
    return new Interval(0.5 + balance.low() / 2, 0.5 + balance.high() / 2);
  }

  /// Returns the number of readable pairs.
  public int pairs() {
    return wins + losses + allTies();
  }

  /// Ties of every kind: ties, identical answers, contradictions.
  public int allTies() {
    return ties + identical + order.contradictions();
  }

  /// Returns the share of decided pairs that the longer answer wins; NaN if there is none.
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
