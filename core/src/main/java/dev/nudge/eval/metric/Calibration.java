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
/// and depends on how bins are cut, so its name says how ([Binning]); HELM uses ten of equal mass.
/// Below some hundreds of items it is mostly noise, and always above 0.
///
/// [1] C. Guo et al., On calibration of modern neural networks, 2017.
public final class Calibration {

  /// How confidences are cut into bins.
  public enum Binning {
    /// Of the same width from 0 to 1; a bin has its upper end and not its lower one.
    EQUAL_WIDTH,
    /// Of as many items, cut in the middle between two neighbours; equal ones stay together.
    EQUAL_MASS
  }

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
    if (confidence.length != right.length || confidence.length == 0) {
      throw new IllegalArgumentException(
          "%d confidences and %d answers; there must be as many, and one at least"
              .formatted(confidence.length, right.length));
    }
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

  /// Takes confidences and whether each answer is right.
  public static Calibration of(double[] confidence, boolean[] right) {
    return new Calibration(confidence, right);
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

  /// The Brier score as lm-evaluation-harness has it: the mean over items of the sum over classes
  /// of (p − 1)² of the gold one and p² of the others, from 0 to 2.
  public static double brier(double[][] probabilities, int[] gold) {
    check(probabilities, gold);
    double sum = 0;
    for (int i = 0; i < gold.length; i++) {
      for (int c = 0; c < probabilities[i].length; c++) {
        double off = probabilities[i][c] - (c == gold[i] ? 1 : 0);
        sum += off * off;
      }
    }
    return sum / gold.length;
  }

  /// Bins, for a reliability plot. There are fewer of equal mass where items or values are few.
  public List<Bin> bins(Binning binning, int number) {
    if (number < 1) {
      throw new IllegalArgumentException(number + " bins; there must be one at least");
    }
    double[] ends = binning == Binning.EQUAL_WIDTH ? widths(number) : masses(number);
    List<Bin> bins = new ArrayList<>();
    double low = 0;
    int from = 0;
    for (double high : ends) {
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

  private static double[] widths(int number) {
    return IntStream.rangeClosed(1, number).mapToDouble(i -> i * 1.0 / number).toArray();
  }

  /// The first bins have one item more where they do not divide evenly.
  private double[] masses(int number) {
    int parts = Math.min(number, confidence.length);
    int each = confidence.length / parts;
    int longer = confidence.length % parts;
    double[] ends = new double[parts];
    int at = 0;
    for (int i = 0; i < parts - 1; i++) {
      at += each + (i < longer ? 1 : 0);
      ends[i] = (confidence[at - 1] + confidence[at]) / 2;
    }
    ends[parts - 1] = 1;
    return Arrays.stream(ends).distinct().toArray();
  }

  /// The expected calibration error.
  public double ece(Binning binning, int number) {
    return bins(binning, number).stream()
        .mapToDouble(bin -> bin.items * Math.abs(bin.accuracy - bin.confidence) / confidence.length)
        .sum();
  }

  /// The accuracy where only the most confident answers are given.
  ///
  /// @param coverage the share that is given, above 0; rounded up to whole items. Of items that are
  ///     as confident as the last one the mean is taken
  public double selectiveAccuracy(double coverage) {
    if (!(coverage > 0 && coverage <= 1)) {
      throw new IllegalArgumentException("a coverage of " + coverage + " is not in (0, 1]");
    }
    int given = (int) Math.ceil(coverage * confidence.length);
    return hits()[given] / given;
  }

  /// The mean of the selective accuracy over all numbers of answers: the area under the curve of
  /// accuracy against coverage.
  public double selectiveArea() {
    double[] hits = hits();
    return IntStream.range(1, hits.length).mapToDouble(n -> hits[n] / n).average().orElse(0);
  }

  /// How many of the n most confident answers are right, for each n.
  private double[] hits() {
    int n = confidence.length;
    double[] hits = new double[n + 1];
    int to = n;
    while (to > 0) {
      int from = to;
      int alike = 0;
      while (from > 0 && confidence[from - 1] == confidence[to - 1]) {
        from--;
        alike += right[from] ? 1 : 0;
      }
      for (int i = 1; i <= to - from; i++) {
        hits[n - to + i] = hits[n - to] + i * alike / (double) (to - from);
      }
      to = from;
    }
    return hits;
  }
}
