package dev.nudge.eval.metric;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/// Calibration of a classifier: expected calibration error (ECE) [1], Brier score, reliability
/// bins.
///
/// Confidence is the largest class probability, the prediction its class (the first of equal
/// ones). Each bin of confidence has a mean confidence and an accuracy; the ECE is the
/// item-weighted mean of their difference,
///
///     ECE = Σ n_b / N · | accuracy_b − confidence_b |
///
/// and depends on the binning: here bins of equal width; HELM uses ten bins of equal mass. Below
/// some hundreds of items it is mostly noise, and it is biased above 0.
///
/// [1] C. Guo et al., On calibration of modern neural networks, 2017.
public final class Calibration {
  /// A bin of the reliability diagram.
  ///
  /// @param low lower edge, exclusive except 0
  /// @param high upper edge, inclusive
  /// @param items number of items, may be 0
  /// @param confidence mean confidence, 0 if empty
  /// @param accuracy share of right items, 0 if empty
  public record Bin(double low, double high, int items, double confidence, double accuracy) {}

  private final double[] confidence; // ascending
  private final boolean[] right;

  private Calibration(double[] confidence, boolean[] right) {
    for (int i = 0; i < confidence.length; i++) {
      if (!(confidence[i] >= 0 && confidence[i] <= 1)) {
        throw new IllegalArgumentException(
            "the confidence of item %d is %s; it must be from 0 to 1".formatted(i, confidence[i]));
      }
    }
    int[] order =
        IntStream.range(0, confidence.length)
            .boxed()
            .sorted(Comparator.comparingDouble(i -> confidence[i]))
            .mapToInt(Integer::intValue)
            .toArray();
    this.confidence = Arrays.stream(order).mapToDouble(i -> confidence[i]).toArray();
    this.right = new boolean[order.length];
    for (int i = 0; i < order.length; i++) {
      this.right[i] = right[order[i]];
    }
  }

  /// Takes class probabilities and the gold class of each item.
  public static Calibration of(double[][] probabilities, int[] gold) {
    check(probabilities, gold);
    double[] confidence = new double[gold.length];
    boolean[] right = new boolean[gold.length];
    for (int i = 0; i < gold.length; i++) {
      int best = 0;
      for (int c = 1; c < probabilities[i].length; c++) {
        best = probabilities[i][c] > probabilities[i][best] ? c : best;
      }
      confidence[i] = probabilities[i][best];
      right[i] = best == gold[i];
    }
    return new Calibration(confidence, right);
  }

  private static void check(double[][] probabilities, int[] gold) {
    if (probabilities.length != gold.length || gold.length == 0) {
      throw new IllegalArgumentException(
          "%d rows of probabilities and %d gold classes; there must be as many, and one at least"
              .formatted(probabilities.length, gold.length));
    }
    for (int i = 0; i < gold.length; i++) {
      if (gold[i] < 0 || gold[i] >= probabilities[i].length) {
        throw new IllegalArgumentException(
            "the gold class of item %d is %d of %d".formatted(i, gold[i], probabilities[i].length));
      }
    }
  }

  /// Returns the Brier score of one item as in lm-evaluation-harness: (p − 1)² of the gold class
  /// plus p² of each other class, from 0 to 2.
  ///
  /// @param gold index of the gold class; an index out of range means that no class is right
  public static double brier(List<Double> probabilities, int gold) {
    double sum = 0;
    for (int c = 0; c < probabilities.size(); c++) {
      double off = probabilities.get(c) - (c == gold ? 1 : 0);
      sum += off * off;
    }
    return sum;
  }

  /// Bins of equal width from 0 to 1 for a reliability diagram.
  public List<Bin> bins(int number) {
    if (number < 1) {
      throw new IllegalArgumentException(number + " bins; there must be one at least");
    }
    List<Bin> bins = new ArrayList<>();
    double low = 0;
    int from = 0;
    for (int b = 1; b <= number; b++) {
      double high = b * 1.0 / number;
      int to = from;
      double sum = 0;
      int hits = 0;
      while (to < confidence.length && confidence[to] <= high) {
        sum += confidence[to];
        hits += right[to] ? 1 : 0;
        to++;
      }
      int items = to - from;
      bins.add(
          new Bin(low, high, items, sum / Math.max(1, items), hits / (double) Math.max(1, items)));
      low = high;
      from = to;
    }
    return bins;
  }

  /// Returns the expected calibration error over `number` bins of equal width.
  public double ece(int number) {
    return bins(number).stream()
        .mapToDouble(bin -> bin.items * Math.abs(bin.accuracy - bin.confidence) / confidence.length)
        .sum();
  }
}
