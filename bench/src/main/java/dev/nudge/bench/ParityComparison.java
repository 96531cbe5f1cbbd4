package dev.nudge.bench;

import dev.nudge.eval.Bootstrap;
import dev.nudge.eval.Interval;
import dev.nudge.eval.NonInferiority;
import dev.nudge.eval.Resampled;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/// Two methods on the same documents: the difference of their scores, paired document by document.
///
/// A document's score is its mean over the seeds that both have (a base has one run, which stands
/// beside every seed); documents are resampled 10,000 times, in clusters where the task's file says
/// that they hang together. Intervals say what other documents and other seeds would change.
///
/// @param difference the second's score less the first's
/// @param error of it
/// @param documents how many were resampled, or clusters of them
/// @param seeds the difference by seed; one where nothing is trained
record ParityComparison(
    double difference, ParityError error, int documents, SortedMap<Integer, Double> seeds) {
  /// What a method may lose and still count as good.
  static final double MARGIN = 0.02;

  private static final double TWO_SIDED = 0.95;
  private static final double Z_TWO_SIDED = 1.959963984540054;

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
    SortedMap<Integer, Double> seeds = new TreeMap<>();
    for (ParityPart part : second.trains() ? after : before) {
      List<ParityPart> from = first.trains() ? common(before, List.of(part)) : before;
      List<ParityPart> to = second.trains() ? List.of(part) : after;
      seeds.put(part.seed(), results.score(to, key) - results.score(from, key));
    }
    return Optional.of(
        new ParityComparison(
            resampled.value(),
            ParityError.of(error(resampled), List.copyOf(seeds.values())),
            resampled.units(),
            seeds));
  }

  /// The mean of differences of several domains, each counting alike; they have no document in
  /// common.
  static ParityComparison over(List<ParityComparison> domains) {
    return new ParityComparison(
        domains.stream().mapToDouble(ParityComparison::difference).average().orElseThrow(),
        ParityError.ofMean(domains.stream().map(ParityComparison::error).toList()),
        domains.stream().mapToInt(ParityComparison::documents).sum(),
        new TreeMap<>());
  }

  /// The interval of 95 %.
  Interval interval() {
    return error.interval(difference, TWO_SIDED);
  }

  /// Whether the second is worse by at most [#MARGIN], one-sided at 95 %: the bounds are the ends
  /// of the interval that leaves out twice as much.
  NonInferiority margin() {
    Interval ends = many() ? error.interval(difference, 2 * TWO_SIDED - 1) : Interval.UNKNOWN;
    return new NonInferiority(difference, ends.low(), ends.high(), MARGIN, documents);
  }

  /// The mean of the differences by seed without seed 0; empty where that is nothing, or the same.
  OptionalDouble withoutZero() {
    return seeds.containsKey(0)
        ? seeds.tailMap(1).values().stream().mapToDouble(Double::doubleValue).average()
        : OptionalDouble.empty();
  }

  /// The two-sided p-value of "there is no difference"; 1 where there are too few documents.
  double p() {
    return many() ? error.p(difference) : 1;
  }

  /// Whether the first is better: the interval lies below 0.
  boolean firstIsBetter() {
    return many() && interval().high() < 0;
  }

  /// Whether the second is better.
  boolean secondIsBetter() {
    return many() && interval().low() > 0;
  }

  /// Whether so many documents say anything.
  boolean many() {
    return documents >= NonInferiority.FEWEST;
  }

  /// The smallest difference that would have been seen four times of five.
  double seen() {
    return error.seen();
  }

  /// The standard error by documents; where no resample differs, that of so many documents of which
  /// none would have shown anything.
  private static double error(Resampled resampled) {
    if (!resampled.isAlike()) {
      return resampled.error();
    }
    Interval unseen = resampled.interval(TWO_SIDED, -1, 1);
    return (unseen.high() - unseen.low()) / 2 / Z_TWO_SIDED;
  }

  private static List<ParityPart> common(List<ParityPart> parts, List<ParityPart> others) {
    return parts.stream().filter(p -> others.stream().anyMatch(o -> o.seed() == p.seed())).toList();
  }

  /// Refuses runs that were asked or taught other things, or began from other weights.
  private static void check(ParityResults results, List<ParityPart> parts) {
    List.of("asked", "train", "test", "base").forEach(digest -> results.same(parts, digest));
  }
}
