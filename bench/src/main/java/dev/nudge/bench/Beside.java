package dev.nudge.bench;

import dev.nudge.bench.measure.TrainingSteps;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.IntToDoubleFunction;

/// Measures what the steps of [Steady] are divided by, anew every few steps: a step's time over the
/// mean of the measurements before and after it. Windows of the quotients are compared with their
/// median.
final class Beside {
  private final String name;
  private final int every;
  private final IntToDoubleFunction probe;
  private final List<Double> quotients = new ArrayList<>();
  private double before;

  /// @param probe gives seconds, or any other measure of time, after so many steps
  Beside(String name, int every, IntToDoubleFunction probe) {
    this.name = name;
    this.every = every;
    this.probe = probe;
  }

  String name() {
    return name;
  }

  /// Measures before the first step.
  void begin() {
    before = probe.applyAsDouble(0);
  }

  /// Measures if it is time to measure again.
  ///
  /// @param steps seconds of all steps until now
  /// @param last whether none follows
  void measure(List<Double> steps, boolean last) {
    int made = steps.size();
    if (made % every != 0 && !last) {
      return;
    }
    double after = probe.applyAsDouble(made);
    while (quotients.size() < made) {
      quotients.add(steps.get(quotients.size()) / ((before + after) / 2));
    }
    before = after;
  }

  /// The quotients' medians over windows of so many steps; a last short one of at least half a
  /// window counts.
  double[] windows(int first, int window) {
    return windows(quotients, first, window);
  }

  static double[] windows(List<Double> values, int first, int window) {
    List<Double> medians = new ArrayList<>();
    for (int at = first; at + (window + 1) / 2 <= values.size(); at += window) {
      medians.add(TrainingSteps.median(values.subList(at, Math.min(values.size(), at + window))));
    }
    return medians.stream().mapToDouble(Double::doubleValue).toArray();
  }

  /// Says how far a window is from the median of all, for a table.
  static String ofMedian(double[] windows, int w) {
    return String.format(
        Locale.ROOT, "%+.2f %%", 100 * (windows[w] / TrainingSteps.median(windows) - 1));
  }

  /// Returns how far the worst window is from the median of all.
  static double worst(double[] windows) {
    double middle = TrainingSteps.median(windows);
    return Arrays.stream(windows).map(w -> Math.abs(w / middle - 1)).max().orElse(0);
  }
}
