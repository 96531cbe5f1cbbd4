package dev.nudge.curves;

import dev.nudge.curves.Curves.Point;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The axes of a plot of runs: steps and losses.
///
/// The upper end of the loss axis covers 98 % of the raw losses and all smoothed and held-out
/// losses, so that a single outlier leaves the rest readable.
record Axes(Axis steps, Axis losses) {
  private static final double COMMON = 0.98;

  /// @param padding share of the loss range that is added at both ends
  /// @return null if no run has a loss
  static @Nullable Axes of(List<Curves> runs, int stepTicks, int lossTicks, double padding) {
    List<Double> raw = new ArrayList<>();
    double low = Double.POSITIVE_INFINITY;
    double high = Double.NEGATIVE_INFINITY;
    int first = Integer.MAX_VALUE;
    int last = 0;
    for (Curves run : runs) {
      for (List<Point> line : List.of(run.smooth(), run.heldOut())) {
        for (Point point : line) {
          low = Math.min(low, point.loss());
          high = Math.max(high, point.loss());
          first = Math.min(first, point.step());
          last = Math.max(last, point.step());
        }
      }
      run.train().forEach(point -> raw.add(point.loss()));
    }
    if (low > high) {
      return null;
    }
    if (!raw.isEmpty()) {
      raw.sort(null);
      low = Math.min(low, raw.getFirst());
      high = Math.max(high, raw.get((int) Math.ceil(COMMON * raw.size()) - 1));
    }
    return new Axes(
        Axis.of(first, last, stepTicks, true),
        Axis.of(low, high, lossTicks, false).padded(padding));
  }
}
