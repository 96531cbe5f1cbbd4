package dev.nudge.eval;

import java.util.Comparator;
import java.util.stream.IntStream;

/// Adjusts p-values for multiple testing under any dependence: Holm's method [1]. The family-wise
/// error rate stays at α.
///
/// For sorted p₁ ≤ … ≤ p_m the adjusted values are max over j ≤ i of min(1, (m − j + 1) p_j).
/// Adjusted always-valid p-values are always valid.
///
/// [1] S. Holm, A simple sequentially rejective multiple test procedure, 1979.
public final class Holm {

  private Holm() {}

  /// Returns the adjusted p-values, in the order of those given.
  public static double[] adjusted(double... p) {
    int[] order =
        IntStream.range(0, p.length)
            .boxed()
            .sorted(Comparator.comparingDouble(i -> p[i]))
            .mapToInt(Integer::intValue)
            .toArray();
    double[] adjusted = new double[p.length];
    double most = 0;
    for (int rank = 0; rank < order.length; rank++) {
      most = Math.max(most, Math.min(1, (p.length - rank) * p[order[rank]]));
      adjusted[order[rank]] = most;
    }
    return adjusted;
  }
}
