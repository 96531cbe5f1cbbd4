package dev.nudge.eval.metric;

import java.util.Arrays;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;

/// Confusion matrix with scikit-learn's scores: F1 per class, macro, micro, weighted; Matthews
/// (MCC).
///
/// Classes are those that occur as gold or prediction, as in scikit-learn without `labels`; in a
/// resample only drawn classes count, so a rare class that is not drawn does not lower its score.
/// 0/0 is 0.
///
/// For a class with t true positives, f false positives and m false negatives, F1 is 2t / (2t + f
/// + m). MCC is the multiclass coefficient [1]; 0 if all gold classes or all predictions are
/// equal.
///
/// Each item keeps its cell of the matrix, so a resample is counted without comparing classes
/// again.
///
/// [1] J. Gorodkin, Comparing two K-category assignments by a K-category correlation coefficient,
/// 2004.
public final class Classification {
  private final int[] classes; // rising
  private final int[] cells; // of each item: gold index · classes + predicted index
  private final long[][] counts; // by gold and predicted index

  private Classification(int[] classes, int[] cells, int[] times) {
    this.classes = classes;
    this.cells = cells;
    this.counts = new long[classes.length][classes.length];
    for (int i = 0; i < cells.length; i++) {
      counts[cells[i] / classes.length][cells[i] % classes.length] += times[i];
    }
  }

  /// Builds the confusion matrix.
  ///
  /// @param gold gold class of each item
  /// @param predicted predicted class of each item
  public static Classification of(int[] gold, int[] predicted) {
    if (gold.length != predicted.length || gold.length == 0) {
      throw new IllegalArgumentException(
          "%d gold classes and %d predictions; there must be as many, and one at least"
              .formatted(gold.length, predicted.length));
    }
    int[] classes =
        IntStream.concat(Arrays.stream(gold), Arrays.stream(predicted))
            .distinct()
            .sorted()
            .toArray();
    int[] cells = new int[gold.length];
    int[] once = new int[gold.length];
    for (int i = 0; i < cells.length; i++) {
      cells[i] =
          Arrays.binarySearch(classes, gold[i]) * classes.length
              + Arrays.binarySearch(classes, predicted[i]);
      once[i] = 1;
    }
    return new Classification(classes, cells, once);
  }

  /// Returns the confusion matrix of a bootstrap resample.
  ///
  /// @param times multiplicity of each item in the resample
  public Classification resampled(int[] times) {
    return new Classification(classes, cells, times);
  }

  /// F1 of one class; 0 if the class never occurs.
  public double f1(int ofClass) {
    int at = Arrays.binarySearch(classes, ofClass);
    return at < 0 ? 0 : f1At(at);
  }

  private double f1At(int at) {
    return ratio(2 * counts[at][at], asked(at) + predicted(at));
  }

  /// Macro F1: the unweighted mean over the classes.
  public double macroF1() {
    int[] present =
        IntStream.range(0, classes.length).filter(at -> asked(at) + predicted(at) > 0).toArray();
    return Arrays.stream(present).mapToDouble(this::f1At).average().orElse(0);
  }

  /// Micro F1, which equals accuracy.
  public double microF1() {
    return ratio(hits(), total());
  }

  /// Weighted F1: the mean over the classes, weighted by gold items.
  public double weightedF1() {
    double sum = sum(at -> f1At(at) * asked(at));
    return total() == 0 ? 0 : sum / total();
  }

  /// Returns the Matthews correlation coefficient, from −1 to 1.
  public double mcc() {
    double n = total();
    double both = sum(at -> (double) asked(at) * predicted(at));
    double askedAlike = sum(at -> (double) asked(at) * asked(at));
    double saidAlike = sum(at -> (double) predicted(at) * predicted(at));
    double spread = (n * n - saidAlike) * (n * n - askedAlike);
    return spread == 0 ? 0 : (hits() * n - both) / Math.sqrt(spread);
  }

  private double sum(IntToDoubleFunction term) {
    return IntStream.range(0, classes.length).mapToDouble(term).sum();
  }

  private long asked(int at) {
    return Arrays.stream(counts[at]).sum();
  }

  private long predicted(int at) {
    return Arrays.stream(counts).mapToLong(row -> row[at]).sum();
  }

  private long hits() {
    return IntStream.range(0, classes.length).mapToLong(at -> counts[at][at]).sum();
  }

  private long total() {
    return Arrays.stream(counts).flatMapToLong(Arrays::stream).sum();
  }

  private static double ratio(long part, long whole) {
    return whole == 0 ? 0 : part / (double) whole;
  }
}
