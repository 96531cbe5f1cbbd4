package dev.nudge.eval.run;

import dev.nudge.eval.Bootstrap;
import dev.nudge.eval.Interval;
import dev.nudge.eval.Paired;
import dev.nudge.eval.Resampled;

/// How much the number of one model is above that of another on the same documents.
///
/// Where each document is right or wrong, p is McNemar's exact one and the interval Tango's; else
/// both come from a paired bootstrap.
///
/// @param key `METRIC,FILTER`
/// @param value second − first
/// @param low of the interval at 95 %; NaN where a resample has no number
/// @param p two-sided, of no difference; NaN likewise
/// @param test how p was found: `mcnemar` or `bootstrap`
/// @param fixed documents that the second alone has right; 0 of other metrics
/// @param broken documents that the first alone has right; 0 of other metrics
public record Difference(
    String key,
    double first,
    double second,
    double value,
    double low,
    double high,
    double p,
    String test,
    int fixed,
    int broken) {
  private static final double CONFIDENCE = 0.95;

  static Difference of(TaskScores.Score first, TaskScores.Score second) {
    if (first.isShare() && second.isShare()) {
      Paired paired = Paired.of(first.right(), second.right());
      Interval interval = paired.interval(CONFIDENCE);
      return new Difference(
          first.key(),
          first.value(),
          second.value(),
          second.value() - first.value(),
          interval.low(),
          interval.high(),
          paired.p(),
          "mcnemar",
          paired.onlySecond(),
          paired.onlyFirst());
    }
    Aggregation before = Aggregation.of(first.metric().aggregation(), first.items());
    Aggregation after = Aggregation.of(second.metric().aggregation(), second.items());
    double low = Double.NaN;
    double high = Double.NaN;
    double p = Double.NaN;
    try {
      Resampled resampled =
          Bootstrap.STANDARD.counted(
              Bootstrap.alone(first.items().size()),
              times -> after.counted(times) - before.counted(times));
      Interval interval = resampled.interval(CONFIDENCE);
      low = interval.low();
      high = interval.high();
      p = resampled.p();
    } catch (IllegalArgumentException e) {
      // a resample without a number: nothing is told of its spread
    }
    return new Difference(
        first.key(),
        first.value(),
        second.value(),
        second.value() - first.value(),
        low,
        high,
        p,
        "bootstrap",
        0,
        0);
  }
}
