package dev.nudge.eval;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/// Tells how far a score would vary over other samples like the one there is, by drawing from it
/// again and again: the bootstrap [1].
///
/// A resample has as many units as the sample, drawn with replacement. A unit is an item, or a
/// cluster of items that hang together (questions on one document), drawn as a whole. Two models
/// are compared on the same resamples (paired), so what makes an item hard for both cancels out
/// [2].
///
/// It assumes that units are independent and many: below some tens the intervals are too narrow,
/// and where all units are alike they have no width at all. For shares of right answers
/// [Paired#interval] and [Interval#wilson] do without both; a gate must ask for a least number of
/// units else. A score that is no smooth function of sums, a median for example, has rougher
/// intervals.
///
/// The draws hang on the seed and the number of units only: the same data give the same numbers
/// everywhere. Two thousand items of twenty statistics each take half a second.
///
/// [1] B. Efron, Bootstrap methods: another look at the jackknife, 1979. [2] P. Koehn, Statistical
/// significance tests for machine translation evaluation, 2004.
///
/// @param resamples how many; at least 1,000, and 10,000 for ends of intervals that hold still
/// @param seed of the draws
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

  /// Resamples a mean.
  public Resampled mean(double[] values) {
    return mean(values, alone(values.length));
  }

  /// Resamples a mean of items in clusters.
  ///
  /// @param clusters the number of each item's cluster
  public Resampled mean(double[] values, int[] clusters) {
    double[][] counted = new double[values.length][];
    for (int i = 0; i < values.length; i++) {
      counted[i] = new double[] {values[i], 1};
    }
    return corpus(counted, clusters, sums -> sums[0] / sums[1]);
  }

  /// Resamples the mean difference of a pair, the second minus the first.
  public Resampled difference(double[] first, double[] second) {
    return difference(first, second, alone(first.length));
  }

  /// Resamples the mean difference of a pair, in clusters.
  public Resampled difference(double[] first, double[] second, int[] clusters) {
    check(first.length, second.length);
    double[] differences = new double[first.length];
    Arrays.setAll(differences, i -> second[i] - first[i]);
    return mean(differences, clusters);
  }

  /// Resamples a score of a corpus that is a function of sums.
  ///
  /// @param statistics what each item adds to the sums
  /// @param score of sums
  public Resampled corpus(double[][] statistics, ToDoubleFunction<double[]> score) {
    return corpus(statistics, alone(statistics.length), score);
  }

  /// Resamples a score of a corpus in clusters.
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

  /// Resamples the difference of two scores of the same items, the second minus the first.
  public Resampled corpusDifference(
      double[][] first, double[][] second, ToDoubleFunction<double[]> score) {
    return corpusDifference(first, second, alone(first.length), score);
  }

  /// Resamples the difference of two scores of the same items in clusters.
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

  /// Resamples what is no function of sums, or of too many.
  ///
  /// @param clusters the number of each item's cluster
  /// @param score of a resample, told by how often each item is in it; the array is used again
  public Resampled counted(int[] clusters, ToDoubleFunction<int[]> score) {
    return strata(List.of(new Stratum(1, clusters, score)));
  }

  /// A part of the data that is drawn by itself, such as a task of several.
  ///
  /// @param weight of its score in that of all
  /// @param clusters the number of each item's cluster
  /// @param score of a resample, told by how often each item is in it; the array is used again
  @SuppressWarnings("ArrayRecordComponent")
  public record Stratum(double weight, int[] clusters, ToDoubleFunction<int[]> score) {}

  /// Resamples the weighted sum of scores of parts, each of which is drawn apart from the others
  /// and keeps its size. The units that are told are those of the part that has the fewest.
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

  /// Every item a cluster of its own.
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

  /// Clusters numbered from 0 in the order in which they come.
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
