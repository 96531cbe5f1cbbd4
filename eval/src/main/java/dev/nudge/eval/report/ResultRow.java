package dev.nudge.eval.report;

import dev.nudge.eval.Resampled;
import dev.nudge.eval.run.Metric;
import java.util.List;

/// A row of the results table.
///
/// @param documents number of documents
/// @param before value of the earlier model; NaN: none
/// @param after value of the later model; NaN: none
/// @param value after − before, in the metric's own direction
/// @param low lower end of the 95 % interval of the difference, or of the value without an earlier
///     model; NaN: unknown
/// @param high upper end, likewise
/// @param p two-sided p-value of no difference; NaN: unknown
/// @param adjusted p after Holm's correction over all rows with a p
/// @param fixed documents that only the later model has right; 0 for other metrics
/// @param broken documents that only the earlier model has right; 0 for other metrics
/// @param clusters number of clusters of documents; 0 if documents are independent
record ResultRow(
    String task,
    Metric metric,
    String filter,
    int documents,
    double before,
    double after,
    double value,
    double low,
    double high,
    double p,
    double adjusted,
    boolean counted,
    int fixed,
    int broken,
    int clusters) {

  private static final double LEVEL = 0.05;

  /// The finding about a difference.
  enum Meaning {
    BETTER("better", "▲"),
    WORSE("worse", "▼"),
    /// Neither is shown.
    OPEN("not shown", "•");

    private final String word;
    private final String sign;

    Meaning(String word, String sign) {
      this.word = word;
      this.sign = sign;
    }

    String word() {
      return word;
    }

    String sign() {
      return sign;
    }
  }

  ResultRow adjusted(double by) {
    return new ResultRow(
        task, metric, filter, documents, before, after, value, low, high, p, by, counted, fixed,
        broken, clusters);
  }

  /// Returns the cells of its row.
  ///
  /// @param paired whether an earlier model is compared
  List<String> numbers(boolean paired) {
    String n = Shown.units(documents, clusters);
    return paired
        ? List.of(
            n,
            Shown.number(before),
            Shown.number(after),
            Shown.signed(value),
            Shown.interval(low, high),
            Shown.p(p),
            Shown.p(adjusted))
        : List.of(n, Shown.number(after), Shown.range(low, high));
  }

  /// Returns the metric, with its filter if that has a name.
  String metricShown() {
    return filter.equals("none") ? metric.name() : metric.name() + "," + filter;
  }

  /// Returns the difference towards the better side.
  double gain() {
    return metric.higherIsBetter() ? value : -value;
  }

  double gainLow() {
    return metric.higherIsBetter() ? low : -high;
  }

  double gainHigh() {
    return metric.higherIsBetter() ? high : -low;
  }

  /// Returns the finding: shown if the interval excludes 0 and p by Holm is below 5 %. A
  /// bootstrapped difference is never shown on a few documents or with an interval of zero width.
  Meaning meaning() {
    boolean exact = counted && clusters == 0;
    int units = clusters > 0 ? clusters : documents;
    boolean unknown = !exact && (units < Resampled.FEWEST || low == high);
    if (unknown || !(adjusted < LEVEL)) {
      return Meaning.OPEN;
    }
    return gainLow() > 0 ? Meaning.BETTER : gainHigh() < 0 ? Meaning.WORSE : Meaning.OPEN;
  }

  /// The shared axis of the forest plot: scores in [0, 1] together, every other metric alone.
  String axis() {
    if (metric.isFraction()) {
      return "";
    }
    return metric.isOwnWay()
        ? metric.name()
        : "%s (%s)".formatted(metric.name(), metric.aggregation().key());
  }
}
