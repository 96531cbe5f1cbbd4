package dev.nudge.eval.run;

import dev.nudge.python.PythonRandom;
import java.util.Arrays;
import java.util.stream.IntStream;

/// Standard error as the harness reports it: analytic for a mean, else bootstrapped with the
/// harness's random numbers.
final class StandardError {
  /// Number of resamples of a cheap metric.
  static final int RESAMPLES = 100_000;

  private static final int DEAR = 100;
  private static final int CHUNK = 1000; // that a seed is for

  private StandardError() {}

  /// The standard error.
  ///
  /// @param resamples most resamples
  /// @return NaN if the harness gives none
  static double of(Aggregation.Kind kind, Aggregation items, int resamples) {
    int n = items.size();
    if (n < 2) {
      return Double.NaN;
    }
    if (kind == Aggregation.Kind.MEAN) {
      double[] values = IntStream.range(0, n).mapToDouble(i -> items.some(new int[] {i})).toArray();
      return deviation(values) / Math.sqrt(n);
    }
    if (!kind.bootstraps() || resamples < 1) {
      return Double.NaN;
    }
    int most = kind.isDear() ? Math.min(resamples, DEAR) : resamples;
    int chunk = Math.min(CHUNK, most);
    double[] drawn = new double[most / chunk * chunk];
    IntStream.range(0, most / chunk)
        .parallel()
        .forEach(
            seed -> {
              PythonRandom random = new PythonRandom(seed);
              for (int i = 0; i < chunk; i++) {
                drawn[seed * chunk + i] = items.some(random.choices(n, n));
              }
            });
    return deviation(drawn);
  }

  private static double deviation(double[] values) {
    double mean = Arrays.stream(values).sum() / values.length;
    double squares = Arrays.stream(values).map(v -> (v - mean) * (v - mean)).sum();
    return Math.sqrt(squares / (values.length - 1));
  }
}
