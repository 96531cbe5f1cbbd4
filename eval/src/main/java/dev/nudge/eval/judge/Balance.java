package dev.nudge.eval.judge;

import dev.nudge.eval.Bootstrap;
import dev.nudge.eval.Interval;
import dev.nudge.eval.NonInferiority;
import dev.nudge.eval.Paired;
import dev.nudge.eval.Resampled;
import dev.nudge.eval.run.Units;
import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleFunction;
import org.jspecify.annotations.Nullable;

/// The share of pairs that the second of two models wins, a tie being half a win, with what is
/// known of it at any confidence.
///
/// With w wins and l losses of n pairs that could be read the rate is ½ + (w − l) / 2n, so its
/// interval is that of a difference of shares on the same cases ([Paired#interval]), which keeps a
/// width where all pairs are alike. p is the sign test of "wins and losses are as likely", exact
/// and two-sided: ties say nothing to it. Where pairs hang together, both are of a bootstrap of
/// their clusters; fewer than [NonInferiority#FEWEST] of those tell nothing.
///
/// @param wins pairs that the second wins
/// @param losses pairs that the first wins
/// @param pairs that could be read
/// @param units that are independent: pairs, or clusters of them
/// @param clusters of pairs; 0: each stands for itself
/// @param rate NaN where there is no pair
/// @param p NaN likewise, or where clusters are few
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

  /// Counts pairs; those whose verdicts could not be read count nowhere.
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
    return mean.units() < NonInferiority.FEWEST
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

  /// The interval of a rate, of that of wins less losses.
  private static Interval half(Interval balance) {
    return new Interval(0.5 + balance.low() / 2, 0.5 + balance.high() / 2);
  }

  /// The two-sided interval of the rate; NaN where nothing is known.
  ///
  /// @param confidence such as 0.95; a one-sided bound at 0.95 is an end of that at 0.9
  public Interval interval(double confidence) {
    return intervals.apply(confidence);
  }
}
