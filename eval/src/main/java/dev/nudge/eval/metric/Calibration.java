package dev.nudge.eval.metric;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/// Tells how far a model's confidence is from how often it is right.
///
/// Confidence is the largest probability over the classes, the answer its class, the first of
/// several. Bins of confidence have a mean confidence and an accuracy each; the expected
/// calibration error [1] is the mean of their difference, weighted by items,
///
///     ECE = Σ n_b / N · | accuracy_b − confidence_b |
///
/// and depends on how bins are cut: here they have the same width. HELM uses ten of equal mass.
/// Below some hundreds of items it is mostly noise, and always above 0.
///
/// [1] C. Guo et al., On calibration of modern neural networks, 2017.
public final class Calibration {
  /// Items of a range of confidence.
  ///
  /// @param low where the range begins, exclusive but for 0
  /// @param high where it ends
  /// @param items how many, maybe none
  /// @param confidence their mean one, 0 of none
  /// @param accuracy the share that is right, 0 of none
  public record Bin(double low, double high, int items, double confidence, double accuracy) {}

  private final double[] confidence; // rising
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

  /// Takes probabilities of the classes and the gold class of each item.
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

  /// The Brier score of one item as lm-evaluation-harness has it: the sum over classes of (p − 1)²
  /// of the gold one and p² of the others, from 0 to 2.
  ///
  /// @param gold one that is no class's place: none is right
  public static double brier(List<Double> probabilities, int gold) {
    double sum = 0;
    for (int c = 0; c < probabilities.size(); c++) {
      double off = probabilities.get(c) - (c == gold ? 1 : 0);
      sum += off * off;
    }
    return sum;
  }

  /// Bins of the same width from 0 to 1, for a reliability plot; one has its upper end and not its
  /// lower one.
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

  /// The expected calibration error.
  public double ece(int number) {
    return bins(number).stream()
        .mapToDouble(bin -> bin.items * Math.abs(bin.accuracy - bin.confidence) / confidence.length)
        .sum();
  }
}
