package dev.nudge.bench;

import dev.nudge.eval.Interval;
import dev.nudge.eval.StudentT;
import java.util.List;

/// How far a difference of two methods may be off: by the documents that were asked, and by the
/// seeds that were run.
///
/// Variances add, and the degrees of freedom are those of Welch and Satterthwaite [1]: three seeds
/// that differ much leave two of them, so the interval is wide. What seeds and documents do
/// together is in both terms, so the interval is a little too wide, never too narrow for that.
///
/// [1] F. E. Satterthwaite, An approximate distribution of estimates of variance components, 1946.
///
/// @param variance of the difference
/// @param freedom degrees of freedom of the variance; infinite where documents alone count
record ParityError(double variance, double freedom) {
  private static final double ROUNDING = 1e-9;
  private static final double INFINITE = Double.POSITIVE_INFINITY;

  /// @param documents the standard error that other documents make
  /// @param seeds the difference by seed; where there are fewer than two, seeds are not known to
  ///     matter
  static ParityError of(double documents, List<Double> seeds) {
    double among = variance(seeds);
    double all = documents * documents + among;
    boolean none = among <= ROUNDING * all; // seeds that agree but for the last digit
    return new ParityError(all, none ? INFINITE : all * all * (seeds.size() - 1) / (among * among));
  }

  /// The error of a mean of differences that have nothing in common.
  static ParityError ofMean(List<ParityError> each) {
    double parts = each.size() * (double) each.size();
    double all = each.stream().mapToDouble(ParityError::variance).sum() / parts;
    double unsure =
        each.stream().mapToDouble(e -> e.variance * e.variance / e.freedom).sum() / parts / parts;
    return new ParityError(all, unsure > 0 ? all * all / unsure : INFINITE);
  }

  double error() {
    return Math.sqrt(variance);
  }

  /// The interval around a difference, within ±1.
  Interval interval(double difference, double confidence) {
    double half = StudentT.quantile((1 + confidence) / 2, freedom) * error();
    return new Interval(Math.max(-1, difference - half), Math.min(1, difference + half));
  }

  /// The smallest difference that an interval of 95 % would leave out 0 for, four times of five;
  /// roughly, where degrees of freedom are few.
  double seen() {
    return (StudentT.quantile(0.975, freedom) + StudentT.quantile(0.8, freedom)) * error();
  }

  /// The two-sided p-value of "there is no difference".
  double p(double difference) {
    return difference == 0 ? 1 : StudentT.outside(difference / error(), freedom);
  }

  /// The variance of the mean of differences by seed.
  private static double variance(List<Double> seeds) {
    int n = seeds.size();
    if (n < 2) {
      return 0;
    }
    double mean = seeds.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
    return seeds.stream().mapToDouble(x -> (x - mean) * (x - mean)).sum() / (n - 1) / n;
  }
}
