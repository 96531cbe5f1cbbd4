package dev.nudge.curves;

import dev.nudge.curves.Curves.Point;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
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

  /// An axis of a plot: a range, and the distance of its ticks (1, 2 or 5 times a power of ten).
  ///
  /// @param from lower end
  /// @param to upper end, above `from`
  /// @param step distance between ticks
  record Axis(double from, double to, double step) {
    private static final double APART = 1e-9;

    /// Makes the axis of a range of values. A range too small for distinct tick labels is widened.
    ///
    /// @param most maximum number of ticks, at least 2
    static Axis of(double low, double high, int most, boolean whole) {
      boolean range = high - low > APART * Math.max(Math.abs(low), Math.abs(high));
      double wide = range ? high - low : Math.max(Math.abs(low) * 0.1, whole ? 1 : 1e-3);
      double from = range ? low : low - (whole ? 0 : wide / 2);
      double rough = wide / most;
      double power = Math.pow(10, Math.floor(Math.log10(rough)));
      double step = 10 * power;
      for (int factor : new int[] {5, 2, 1}) {
        step = factor * power >= rough ? factor * power : step;
      }
      return new Axis(from, from + wide, whole ? Math.max(1, Math.rint(step)) : step);
    }

    /// Returns this axis with both ends moved out by a share of the range.
    Axis padded(double share) {
      double more = (to - from) * share;
      return new Axis(from - more, to + more, step);
    }

    /// The ticks: round numbers within the range.
    List<Double> ticks() {
      List<Double> ticks = new ArrayList<>();
      double slack = step * 1e-9;
      for (double i = Math.ceil((from - slack) / step); i * step <= to + slack; i++) {
        ticks.add(i * step + 0.0); // never -0.0
      }
      return ticks;
    }

    /// The position of a value on the axis: 0 at its lower end, 1 at its upper end.
    double share(double value) {
      return (value - from) / (to - from);
    }

    /// Formats a tick with as many digits as distinguish it from its neighbour.
    String label(double tick) {
      int decimals = (int) Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
      String text = String.format(Locale.ROOT, "%,." + Math.min(decimals, 9) + "f", tick);
      return text.matches("-0(\\.0*)?") ? text.substring(1) : text;
    }
  }
}
