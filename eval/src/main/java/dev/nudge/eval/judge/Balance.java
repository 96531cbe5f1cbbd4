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

/// Win rate of the second of two models, a tie being half a win, with confidence interval and p.
///
/// With w wins and l losses in n readable pairs the rate is ½ + (w − l) / 2n, so its interval is
/// that of a paired difference of proportions ([Paired#interval]), which keeps a width if all
/// pairs are alike. p is the exact two-sided sign test of "wins and losses are equally likely",
/// ties left out. For clustered pairs both come from a cluster bootstrap; with fewer than
/// [Resampled#FEWEST] clusters nothing is known.
///
/// @param wins pairs that the second model wins
/// @param losses pairs that the first model wins
/// @param pairs number of readable pairs
/// @param units number of independent units: pairs, or clusters of pairs
/// @param clusters number of clusters; 0 if pairs are independent
/// @param rate NaN without pairs
/// @param p NaN without pairs, or with few clusters
public record Balance(
    int wins,
    int losses,
    int pairs,
    int units,
    int clusters,
    double rate,
    double p,
    DoubleFunction<Interval> intervals) {
  private static final Interval UNKNOWN = new Interval(Double.NaN, Double.NaN);

  /// Counts pairs, without those that have an unreadable verdict.
  public static Balance of(List<Judged> judged) {
    List<Judged> read = judged.stream().filter(p -> p.ruling() != Ruling.UNREAD).toList();
    List<@Nullable String> clusters = new ArrayList<>();
    read.forEach(pair -> clusters.add(pair.contest().cluster()));
    Units units = Units.by(clusters);
    return read.isEmpty()
        ? new Balance(0, 0, 0, 0, 0, Double.NaN, Double.NaN, c -> UNKNOWN)
        : units.areClusters() ? resampled(read, units) : counted(read);
  }

  private static Balance counted(List<Judged> read) {
    List<Boolean> first = new ArrayList<>();
    List<Boolean> second = new ArrayList<>();
    for (Judged pair : read) { // of a tie both are as good
      first.add(pair.ruling() != Ruling.SECOND);
      second.add(pair.ruling() != Ruling.FIRST);
    }
    Paired paired = Paired.of(first, second);
    return of(
        read,
        Units.alone(read.size()),
        paired.difference(),
        paired.p(),
        c -> half(paired.interval(c)));
  }

  private static Balance resampled(List<Judged> read, Units units) {
    double[] balance = new double[read.size()]; // 1 of a win, −1 of a loss
    for (int i = 0; i < balance.length; i++) {
      Ruling ruling = read.get(i).ruling();
      balance[i] = ruling == Ruling.SECOND ? 1 : ruling == Ruling.FIRST ? -1 : 0;
    }
    Resampled mean = Bootstrap.STANDARD.mean(balance, units.numbers());
    return mean.units() < Resampled.FEWEST
        ? of(read, units, mean.value(), Double.NaN, c -> UNKNOWN)
        : of(read, units, mean.value(), mean.p(), c -> half(mean.interval(c, -1, 1)));
  }

  private static Balance of(
      List<Judged> read,
      Units units,
      double difference,
      double p,
      DoubleFunction<Interval> intervals) {
    return new Balance(
        count(read, Ruling.SECOND),
        count(read, Ruling.FIRST),
        read.size(),
        units.count(),
        units.clusterCount(),
        0.5 + difference / 2,
        p,
        intervals);
  }

  private static int count(List<Judged> judged, Ruling ruling) {
    return (int) judged.stream().filter(pair -> pair.ruling() == ruling).count();
  }

  /// Converts the interval of (wins − losses) / n to that of the win rate.
  private static Interval half(Interval balance) {
    return new Interval(0.5 + balance.low() / 2, 0.5 + balance.high() / 2);
  }

  /// The two-sided confidence interval of the rate; NaN if nothing is known.
  ///
  /// @param confidence such as 0.95; the one-sided bound at 0.95 is an end of the interval at 0.9
  public Interval interval(double confidence) {
    return intervals.apply(confidence);
  }
}
