package dev.nudge.eval;

import java.util.Map;
import java.util.TreeMap;

/// Sums of a ratio metric by unit: Σ x / Σ w, such as scores over answers or seconds over tokens,
/// where a unit (a user) has many answers that resemble each other.
///
/// Units are independent, answers of one unit are not, so the error is taken over units, by the
/// delta method [1]: with R = Σ x_u / Σ w_u over n units
///
///     error² = n / (n − 1) · Σ (x_u − R w_u)² / (Σ w_u)²
///
/// With one answer a unit and w = 1 it is the standard error of a mean. Only five sums are kept, so
/// a unit that goes on changes them in constant time.
///
/// An [Estimate] counts observations, not units: what units that return add is then new, and for
/// what they repeat the intervals of [NormalMixture] are wider than need be.
///
/// [1] A. Deng, U. Knoblich, J. Lu, Applying the delta method in metric analytics, 2018. [2] E.
/// Miller, Adding error bars to evals, 2024.
///
/// Threading: the caller's lock.
public final class Clusters {
  private long units;
  private long observations;
  private double x;
  private double w;
  private double xx;
  private double xw;
  private double ww;

  /// Adds a unit, or moves one from what it had to what it has.
  public void move(double oldX, double oldW, double newX, double newW) {
    units += (newW > 0 ? 1 : 0) - (oldW > 0 ? 1 : 0);
    observations += Double.compare(newW, oldW); // one more, or one taken back
    x += newX - oldX;
    w += newW - oldW;
    xx += newX * newX - oldX * oldX;
    xw += newX * newW - oldX * oldW;
    ww += newW * newW - oldW * oldW;
  }

  /// The mean of items that come in clusters, with its clustered error [2]: that of a sample of
  /// clusters, n / (n − 1) included. Clusters are independent; items of one may hang together in
  /// any way. With fewer than some tens of clusters it is too small.
  ///
  /// @param values one an item
  /// @param clusters the number of each item's cluster
  public static Estimate mean(double[] values, int[] clusters) {
    if (values.length != clusters.length) {
      throw new IllegalArgumentException(
          values.length + " values have " + clusters.length + " clusters");
    }
    Map<Integer, double[]> sums = new TreeMap<>();
    for (int i = 0; i < values.length; i++) {
      double[] sum = sums.computeIfAbsent(clusters[i], cluster -> new double[2]);
      sum[0] += values[i];
      sum[1]++;
    }
    Clusters all = new Clusters();
    sums.values().forEach(sum -> all.add(sum[0], sum[1]));
    return all.ratio(0);
  }

  /// Adds a unit.
  public void add(double newX, double newW) {
    move(0, 0, newX, newW);
  }

  /// Adds the units of another sample.
  public void merge(Clusters other) {
    units += other.units;
    observations += other.observations;
    x += other.x;
    w += other.w;
    xx += other.xx;
    xw += other.xw;
    ww += other.ww;
  }

  /// Units with a weight.
  public long units() {
    return units;
  }

  /// The ratio and its error.
  ///
  /// @param prior a variance that one more unit of average weight is taken to have shown: ¼ for
  ///     what lies in [0, 1], so that a sample that happens to be all alike has an error; 0 for
  /// none
  public Estimate ratio(double prior) {
    if (units < 2) {
      return Estimate.NONE;
    }
    double r = x / w;
    double mean = w / units;
    double squares = Math.max(0, xx - 2 * r * xw + r * r * ww) + prior * mean * mean;
    return new Estimate(r, Math.sqrt(squares * units / (units - 1)) / w, observations);
  }
}
