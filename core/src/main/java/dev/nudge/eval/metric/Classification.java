package dev.nudge.eval.metric;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;

/// Counts predicted labels against gold ones and scores them with scikit-learn's numbers.
///
/// The set of labels is fixed beforehand, and a class that never comes counts in [#macroF1] with 0,
/// as it does in scikit-learn where `labels` is given. A prediction that is none of the labels is
/// wrong for every class: its gold class misses it and no class is charged with it, so micro F1 is
/// the accuracy only where there is none. Fractions 0/0 are 0.
///
/// For a class with t hits, f false alarms and m misses, F1 is 2t / (2t + f + m). The Matthews
/// coefficient is that of several classes [1], with all predictions that are no label as one more
/// class; it is 0 where all gold labels or all predictions are alike.
///
/// Items keep their cell of the table, so a resample is counted without reading a label again.
///
/// [1] J. Gorodkin, Comparing two K-category assignments by a K-category correlation coefficient,
/// 2004.
public final class Classification {
  private final List<String> labels;
  private final int[] cells; // of each item, gold · (labels + 1) + predicted
  private final long[][] counts; // gold, predicted; the last column is no label

  private Classification(List<String> labels, int[] cells, long[][] counts) {
    this.labels = labels;
    this.cells = cells;
    this.counts = counts;
  }

  /// Counts.
  ///
  /// @param labels the classes, each once
  /// @param gold a label an item
  /// @param predicted what was said of each, label or not
  public static Classification of(List<String> labels, List<String> gold, List<String> predicted) {
    Map<String, Integer> numbers = new HashMap<>();
    for (String label : labels) {
      if (numbers.put(label, numbers.size()) != null) {
        throw new IllegalArgumentException("the label '" + label + "' is given twice");
      }
    }
    if (gold.size() != predicted.size() || gold.isEmpty()) {
      throw new IllegalArgumentException(
          "%d gold labels and %d predictions; there must be as many, and one at least"
              .formatted(gold.size(), predicted.size()));
    }
    int[] cells = new int[gold.size()];
    for (int i = 0; i < cells.length; i++) {
      Integer asked = numbers.get(gold.get(i));
      if (asked == null) {
        throw new IllegalArgumentException(
            "the gold label '%s' of item %d is none of %s".formatted(gold.get(i), i, labels));
      }
      cells[i] =
          asked * (labels.size() + 1) + numbers.getOrDefault(predicted.get(i), labels.size());
    }
    int[] once = new int[cells.length];
    Arrays.fill(once, 1);
    return new Classification(List.copyOf(labels), cells, counted(labels.size(), cells, once));
  }

  private static long[][] counted(int labels, int[] cells, int[] times) {
    long[][] counts = new long[labels][labels + 1];
    for (int i = 0; i < cells.length; i++) {
      counts[cells[i] / (labels + 1)][cells[i] % (labels + 1)] += times[i];
    }
    return counts;
  }

  /// Counts a resample.
  ///
  /// @param times how often each item is in it
  public Classification resampled(int[] times) {
    return new Classification(labels, cells, counted(labels.size(), cells, times));
  }

  /// The classes.
  public List<String> labels() {
    return labels;
  }

  /// The table: a row a gold label, a column a predicted one, the last one for what is no label.
  public long[][] confusion() {
    return Arrays.stream(counts).map(long[]::clone).toArray(long[][]::new);
  }

  /// Hits over all.
  public double accuracy() {
    return ratio(hits(), total());
  }

  /// F1 of one class.
  public double f1(String label) {
    int at = labels.indexOf(label);
    if (at < 0) {
      throw new IllegalArgumentException("the label '" + label + "' is none of " + labels);
    }
    return f1(at);
  }

  private double f1(int label) {
    return ratio(2 * counts[label][label], asked(label) + predicted(label));
  }

  /// The mean of F1 over the classes.
  public double macroF1() {
    return sum(this::f1) / labels.size();
  }

  /// The mean of F1 over the classes that come, asked or predicted, as scikit-learn has it where
  /// `labels` is not given: of a resample those that were drawn, so that a rare class makes no
  /// resample worse by being left out.
  public double macroF1OfPresent() {
    int[] present =
        IntStream.range(0, labels.size())
            .filter(label -> asked(label) + predicted(label) > 0)
            .toArray();
    return Arrays.stream(present).mapToDouble(this::f1).average().orElse(0);
  }

  /// F1 of the hits of all classes together.
  public double microF1() {
    return ratio(2 * hits(), total() + (long) sum(this::predicted));
  }

  /// The mean of F1 over the classes, each weighted by its gold items.
  public double weightedF1() {
    double sum = sum(label -> f1(label) * asked(label));
    return total() == 0 ? 0 : sum / total();
  }

  /// The Matthews correlation coefficient, from −1 to 1.
  public double mcc() {
    double n = total();
    double none = n - sum(this::predicted);
    double both = sum(label -> (double) asked(label) * predicted(label));
    double askedAlike = sum(label -> (double) asked(label) * asked(label));
    double saidAlike = sum(label -> (double) predicted(label) * predicted(label)) + none * none;
    double spread = (n * n - saidAlike) * (n * n - askedAlike);
    return spread == 0 ? 0 : (hits() * n - both) / Math.sqrt(spread);
  }

  private double sum(IntToDoubleFunction of) {
    return IntStream.range(0, labels.size()).mapToDouble(of).sum();
  }

  private long asked(int label) {
    return Arrays.stream(counts[label]).sum();
  }

  private long predicted(int label) {
    return Arrays.stream(counts).mapToLong(row -> row[label]).sum();
  }

  private long hits() {
    return IntStream.range(0, labels.size()).mapToLong(label -> counts[label][label]).sum();
  }

  private long total() {
    return Arrays.stream(counts).flatMapToLong(Arrays::stream).sum();
  }

  private static double ratio(long part, long whole) {
    return whole == 0 ? 0 : part / (double) whole;
  }
}
