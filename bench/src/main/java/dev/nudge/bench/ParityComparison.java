package dev.nudge.bench;

import dev.nudge.eval.Bootstrap;
import dev.nudge.eval.Detectable;
import dev.nudge.eval.Interval;
import dev.nudge.eval.NonInferiority;
import dev.nudge.eval.Resampled;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// Two methods on the same documents: the difference of their scores, paired document by document.
///
/// A document's score is its mean over the seeds that both have (a base has one run, which stands
/// beside every seed); documents are resampled 10,000 times, in clusters where the task's file says
/// that they hang together. So the interval says how much other documents would change; how much
/// other seeds would is read from the seeds themselves.
///
/// @param difference the second's score less the first's
/// @param error its standard error
/// @param interval of 95 %
/// @param margin whether the second is worse by at most [#MARGIN], one-sided at 95 %
/// @param documents how many were resampled, or clusters of them
/// @param seeds the difference by seed; empty for a base
record ParityComparison(
    double difference,
    double error,
    Interval interval,
    NonInferiority margin,
    int documents,
    List<Double> seeds) {
  /// What a method may lose and still count as good.
  static final double MARGIN = 0.02;

  private static final double TWO_SIDED = 0.95;
  private static final double Z_TWO_SIDED = 1.959963984540054;
  private static final double Z_ONE_SIDED = 1.6448536269514722;

  /// Compares scores; empty where the two have no seed in common.
  ///
  /// @param key `scores`, or a task of retention
  static Optional<ParityComparison> of(
      ParityResults results,
      ParityDomain domain,
      ParityMethod first,
      ParityMethod second,
      String key) {
    List<ParityPart> before = results.runs(domain, first);
    List<ParityPart> after = results.runs(domain, second);
    if (first.trains() && second.trains()) {
      before = common(before, after);
      after = common(after, before);
    }
    if (before.isEmpty() || after.isEmpty()) {
      return Optional.empty();
    }
    check(results, Stream.concat(before.stream(), after.stream()).toList());
    double[] one = results.mean(before, key);
    double[] other = results.mean(after, key);
    int[] clusters = results.clusters(after.getFirst(), key, other.length);
    Resampled resampled = Bootstrap.STANDARD.difference(one, other, clusters);
    List<Double> seeds = new ArrayList<>();
    for (ParityPart part : second.trains() ? after : List.<ParityPart>of()) {
      List<ParityPart> same = first.trains() ? common(before, List.of(part)) : before;
      seeds.add(results.score(List.of(part), key) - results.score(same, key));
    }
    return Optional.of(
        new ParityComparison(
            resampled.value(),
            resampled.error(),
            resampled.interval(TWO_SIDED, -1, 1),
            margin(resampled),
            resampled.units(),
            seeds));
  }

  /// The mean of differences of several domains, each counting alike; they have no document in
  /// common, so errors add as squares, and the interval is the normal one.
  static ParityComparison over(List<ParityComparison> domains) {
    int n = domains.size();
    double mean = domains.stream().mapToDouble(ParityComparison::difference).sum() / n;
    double error = Math.sqrt(domains.stream().mapToDouble(c -> c.error * c.error).sum()) / n;
    int documents = domains.stream().mapToInt(ParityComparison::documents).sum();
    return new ParityComparison(
        mean,
        error,
        new Interval(mean - Z_TWO_SIDED * error, mean + Z_TWO_SIDED * error),
        new NonInferiority(
            mean, mean - Z_ONE_SIDED * error, mean + Z_ONE_SIDED * error, MARGIN, documents),
        documents,
        List.of());
  }

  /// Whether the first is better: the interval lies below 0.
  boolean firstIsBetter() {
    return many() && interval.high() < 0;
  }

  /// Whether the second is better.
  boolean secondIsBetter() {
    return many() && interval.low() > 0;
  }

  /// Whether so many documents say anything.
  boolean many() {
    return documents >= NonInferiority.FEWEST;
  }

  /// The smallest difference that would have been seen four times of five.
  double seen() {
    return Detectable.USUAL.difference(error);
  }

  /// One-sided bounds are the ends of the interval at twice as much outside.
  private static NonInferiority margin(Resampled resampled) {
    Interval ends = resampled.interval(2 * TWO_SIDED - 1, -1, 1);
    boolean few = resampled.units() < NonInferiority.FEWEST;
    return new NonInferiority(
        resampled.value(),
        few ? Double.NEGATIVE_INFINITY : ends.low(),
        few ? Double.POSITIVE_INFINITY : ends.high(),
        MARGIN,
        resampled.units());
  }

  private static List<ParityPart> common(List<ParityPart> parts, List<ParityPart> others) {
    return parts.stream().filter(p -> others.stream().anyMatch(o -> o.seed() == p.seed())).toList();
  }

  /// Refuses runs that were asked or taught other things, or began from other weights.
  private static void check(ParityResults results, List<ParityPart> parts) {
    List.of("asked", "train", "test", "base").forEach(digest -> results.same(parts, digest));
  }
}
