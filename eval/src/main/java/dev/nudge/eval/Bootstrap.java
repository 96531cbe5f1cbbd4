package dev.nudge.eval;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/// Bootstrap [1]: the sampling distribution of a score, from resamples of the items.
///
/// A resample has as many units as the sample, drawn with replacement. A unit is an item, or a
/// cluster of correlated items (questions on one document), drawn as a whole. Two models are
/// compared on the same resamples (paired), so the difficulty of an item cancels out [2].
///
/// Units must be independent and many: below some tens the intervals are too narrow, and if all
/// units are equal the intervals have zero width. For proportions of right answers use
/// [Paired#interval] and [Interval#wilson], which have neither limit; for other scores a gate must
/// require a minimum number of units. A score that is not a smooth function of sums, such as a
/// median, has rougher intervals.
///
/// The draws depend only on the seed and the number of units, so equal data give equal numbers on
/// every machine. Two thousand items of twenty statistics each take half a second.
///
/// [1] B. Efron, Bootstrap methods: another look at the jackknife, 1979. [2] P. Koehn, Statistical
/// significance tests for machine translation evaluation, 2004.
///
/// @param resamples number of resamples, at least 1,000; 10,000 for stable interval ends
/// @param seed seed of the random draws
public record Bootstrap(int resamples, long seed) {
  /// Ten thousand resamples.
  public static final Bootstrap STANDARD = new Bootstrap(10_000, 0);

  private static final int FEWEST = 1_000;

  public Bootstrap {
    if (resamples < FEWEST) {
      throw new IllegalArgumentException(
          resamples + " resamples; there must be " + FEWEST + " at least");
    }
  }

  /// Resamples the mean of clustered items.
  ///
  /// @param clusters the number of each item's cluster
  public Resampled mean(double[] values, int[] clusters) {
    double[][] counted = new double[values.length][];
    for (int i = 0; i < values.length; i++) {
      counted[i] = new double[] {values[i], 1};
    }
    return corpus(counted, clusters, sums -> sums[0] / sums[1]);
  }

  /// Resamples the mean paired difference of clustered items, `second` − `first`.
  public Resampled difference(double[] first, double[] second, int[] clusters) {
    check(first.length, second.length);
    double[] differences = new double[first.length];
    Arrays.setAll(differences, i -> second[i] - first[i]);
    return mean(differences, clusters);
  }

  /// Resamples a corpus-level score that is a function of sums over items, such as BLEU.
  ///
  /// @param statistics the numbers that each item adds to the sums
  /// @param score the score of the sums
  public Resampled corpus(double[][] statistics, ToDoubleFunction<double[]> score) {
    return corpus(statistics, alone(statistics.length), score);
  }

  /// Resamples a corpus-level score of clustered items.
  public Resampled corpus(double[][] statistics, int[] clusters, ToDoubleFunction<double[]> score) {
    double[][] units = units(statistics, clusters);
    int width = units[0].length;
    double[] flat = Arrays.stream(units).flatMapToDouble(Arrays::stream).toArray();
    SplittableRandom random = new SplittableRandom(seed);
    double[] scores = new double[resamples];
    double[] sums = new double[width];
    for (int r = 0; r < resamples; r++) {
      Arrays.fill(sums, 0);
      for (int drawn = 0; drawn < units.length; drawn++) {
        int at = random.nextInt(units.length) * width;
        for (int i = 0; i < width; i++) {
          sums[i] += flat[at + i];
        }
      }
      scores[r] = score.applyAsDouble(sums);
    }
    Arrays.fill(sums, 0);
    for (double[] unit : units) {
      Arrays.setAll(sums, i -> sums[i] + unit[i]);
    }
    return Resampled.of(score.applyAsDouble(sums), scores, units.length);
  }

  /// Resamples the paired difference of two corpus-level scores, `second` − `first`.
  public Resampled corpusDifference(
      double[][] first, double[][] second, ToDoubleFunction<double[]> score) {
    return corpusDifference(first, second, alone(first.length), score);
  }

  /// Resamples the paired difference of two corpus-level scores of clustered items.
  public Resampled corpusDifference(
      double[][] first, double[][] second, int[] clusters, ToDoubleFunction<double[]> score) {
    check(first.length, second.length);
    if (first.length == 0) {
      throw new IllegalArgumentException("nothing can be drawn from no item");
    }
    int width = first[0].length;
    double[][] both = new double[first.length][];
    for (int i = 0; i < both.length; i++) {
      both[i] = Arrays.copyOf(first[i], width + second[i].length);
      System.arraycopy(second[i], 0, both[i], width, second[i].length);
    }
    return corpus(
        both,
        clusters,
        sums ->
            score.applyAsDouble(Arrays.copyOfRange(sums, width, sums.length))
                - score.applyAsDouble(Arrays.copyOf(sums, width)));
  }

  /// A stratum, resampled separately from the others, such as one task of a group.
  ///
  /// @param weight weight of the stratum's score in the total
  /// @param clusters the number of each item's cluster
  /// @param score computes the score from each item's count in the resample; the array is reused
  public record Stratum(double weight, int[] clusters, ToDoubleFunction<int[]> score) {}

  /// Resamples the weighted sum of the scores of strata (stratified bootstrap). [Resampled#units]
  /// is the number of units of the smallest stratum.
  public Resampled strata(List<Stratum> parts) {
    double[] scores = new double[resamples];
    double value = 0;
    int fewest = Integer.MAX_VALUE;
    for (int part = 0; part < parts.size(); part++) {
      Stratum stratum = parts.get(part);
      int[] units = numbered(stratum.clusters);
      int number = Arrays.stream(units).max().orElseThrow() + 1;
      SplittableRandom random = new SplittableRandom(seed + part);
      int[] times = new int[units.length];
      for (int r = 0; r < resamples; r++) {
        int[] drawn = new int[number];
        for (int i = 0; i < number; i++) {
          drawn[random.nextInt(number)]++;
        }
        Arrays.setAll(times, i -> drawn[units[i]]);
        scores[r] += stratum.weight * stratum.score.applyAsDouble(times);
      }
      Arrays.fill(times, 1);
      value += stratum.weight * stratum.score.applyAsDouble(times);
      fewest = Math.min(fewest, number);
    }
    return Resampled.of(value, scores, fewest);
  }

  /// Cluster numbers that put every item into a cluster of its own.
  public static int[] alone(int items) {
    return IntStream.range(0, items).toArray();
  }

  private static double[][] units(double[][] statistics, int[] clusters) {
    check(statistics.length, clusters.length);
    int[] of = numbered(clusters);
    double[][] units = new double[Arrays.stream(of).max().orElseThrow() + 1][statistics[0].length];
    for (int i = 0; i < of.length; i++) {
      for (int j = 0; j < statistics[i].length; j++) {
        units[of[i]][j] += statistics[i][j];
      }
    }
    return units;
  }

  /// Renumbers clusters from 0 in order of first appearance.
  private static int[] numbered(int[] clusters) {
    if (clusters.length == 0) {
      throw new IllegalArgumentException("nothing can be drawn from no item");
    }
    Map<Integer, Integer> numbers = new LinkedHashMap<>();
    return Arrays.stream(clusters)
        .map(cluster -> numbers.computeIfAbsent(cluster, c -> numbers.size()))
        .toArray();
  }

  private static void check(int first, int second) {
    if (first != second) {
      throw new IllegalArgumentException(
          first + " items of one and " + second + " of the other are no pairs");
    }
  }
}
