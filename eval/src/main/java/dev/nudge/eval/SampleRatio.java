package dev.nudge.eval;

import java.util.List;
import org.apache.commons.numbers.gamma.RegularizedGamma;

/// Tests for sample ratio mismatch between the arms of an experiment: Pearson's chi-square.
///
///     X² = Σ (n_i − N w_i)² / (N w_i),   p = P(χ²_{arms − 1} ≥ X²)
///
/// A mismatch means that units of one arm get lost between assignment and log, so no difference
/// between the arms is trustworthy. The threshold [#ALARM] is far below 5 % because the test is
/// evaluated continuously.
///
/// @param statistic X²
/// @param degrees degrees of freedom
/// @param p p-value of the chi-square test
public record SampleRatio(double statistic, int degrees, double p) {
  /// The p-value below which the arms may not be compared.
  public static final double ALARM = 0.001;

  private static final double LEAST_EXPECTED = 10; // per cell, for the chi-square approximation

  /// No counts.
  public static final SampleRatio NONE = new SampleRatio(0, 0, 1);

  /// Compares counts with weights.
  ///
  /// @param counts units per arm
  /// @param weights weights of the arms, with any sum; an arm of weight 0 is left out
  public static SampleRatio of(long[] counts, double[] weights) {
    double total = 0;
    double sum = 0;
    int arms = 0;
    for (int i = 0; i < counts.length; i++) {
      if (weights[i] > 0) {
        total += counts[i];
        sum += weights[i];
        arms++;
      }
    }
    double statistic = 0;
    for (int i = 0; i < counts.length; i++) {
      double expected = total * weights[i] / sum;
      if (weights[i] > 0 && expected < LEAST_EXPECTED) {
        return NONE;
      }
      if (weights[i] > 0) {
        statistic += (counts[i] - expected) * (counts[i] - expected) / expected;
      }
    }
    return of(statistic, arms - 1);
  }

  /// Sums the statistics of several stages, each with its own weights.
  public static SampleRatio sum(List<SampleRatio> stages) {
    return of(
        stages.stream().mapToDouble(SampleRatio::statistic).sum(),
        stages.stream().mapToInt(SampleRatio::degrees).sum());
  }

  private static SampleRatio of(double statistic, int degrees) {
    return degrees == 0
        ? NONE
        : new SampleRatio(
            statistic, degrees, RegularizedGamma.Q.value(degrees / 2.0, statistic / 2));
  }

  /// Whether p is below [#ALARM].
  public boolean alarm() {
    return p < ALARM;
  }
}
