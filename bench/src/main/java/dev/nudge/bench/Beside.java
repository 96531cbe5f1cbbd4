package dev.nudge.bench;

import dev.nudge.bench.measure.TrainingSteps;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.IntToDoubleFunction;

/// Normalises the step times of [Steady]: repeats a reference measurement every few steps and
/// divides a step's time by the mean of the two around it. Windows of quotients are compared with
/// their median.
final class Beside {
  private final String name;
  private final int every;
  private final IntToDoubleFunction probe;
  private final List<Double> quotients = new ArrayList<>();
  private double before;

  /// @param probe reference measurement, in any time unit, by the steps made
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

  /// Measures if a measurement is due.
  ///
  /// @param steps seconds of all steps until now
  /// @param last whether it is the last
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

  /// Returns the quotients' medians over windows of `window` steps; a last one of half a window
  /// counts.
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

  /// Formats a window's deviation from the median of all.
  static String ofMedian(double[] windows, int w) {
    return String.format(
        Locale.ROOT, "%+.2f %%", 100 * (windows[w] / TrainingSteps.median(windows) - 1));
  }

  /// Returns the worst window's deviation from the median.
  static double worst(double[] windows) {
    double middle = TrainingSteps.median(windows);
    return Arrays.stream(windows).map(w -> Math.abs(w / middle - 1)).max().orElse(0);
  }
}
