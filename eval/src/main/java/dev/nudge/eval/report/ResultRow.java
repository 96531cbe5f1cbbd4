package dev.nudge.eval.report;

import dev.nudge.eval.NonInferiority;
import dev.nudge.eval.run.Metric;

/// A line of the table of results.
///
/// @param documents behind it
/// @param before NaN: there is no number, or no model before
/// @param after NaN: there is no number
/// @param value after − before, as the metric counts
/// @param low of its interval at 95 %; of the number itself where there is no model before; NaN:
/// not
///     known
/// @param high likewise
/// @param p two-sided, of no difference; NaN: not known
/// @param adjusted p by Holm over all lines of the table that have one
/// @param fixed documents that only the model after has right; 0 of other metrics
/// @param broken documents that only the model before has right
/// @param clusters that the documents hang together in; 0: each stands for itself
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

  /// What a difference means.
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

  /// How many documents, and how many clusters of them.
  String documentsShown() {
    return Shown.units(documents, clusters);
  }

  /// The metric, with its filter where that has a name of its own.
  String metricShown() {
    return filter.equals("none") ? metric.name() : metric.name() + "," + filter;
  }

  /// The difference towards the better side.
  double gain() {
    return metric.higherIsBetter() ? value : -value;
  }

  double gainLow() {
    return metric.higherIsBetter() ? low : -high;
  }

  double gainHigh() {
    return metric.higherIsBetter() ? high : -low;
  }

  /// What is shown: the interval leaves out 0, and p by Holm is below 5 %. Of what is resampled
  /// nothing is on a few documents, nor where the interval has no width.
  Meaning meaning() {
    boolean exact = counted && clusters == 0;
    int units = clusters > 0 ? clusters : documents;
    boolean unknown = !exact && (units < NonInferiority.FEWEST || low == high);
    if (unknown || !(adjusted < LEVEL)) {
      return Meaning.OPEN;
    }
    return gainLow() > 0 ? Meaning.BETTER : gainHigh() < 0 ? Meaning.WORSE : Meaning.OPEN;
  }

  /// Which lines can be drawn on one axis: scores from 0 to 1 together, any other metric alone.
  String axis() {
    if (metric.isFraction()) {
      return "";
    }
    return metric.isOwnWay()
        ? metric.name()
        : "%s (%s)".formatted(metric.name(), metric.aggregation().key());
  }
}
