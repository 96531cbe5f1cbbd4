package dev.nudge.eval.run;

import dev.nudge.eval.Bootstrap;
import dev.nudge.eval.Interval;
import dev.nudge.eval.Paired;
import dev.nudge.eval.Resampled;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

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
    if (isShare(first.items()) && isShare(second.items()) && isMean(first)) {
      Paired paired = Paired.of(right(first.items()), right(second.items()));
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
              times -> {
                int[] places = places(times);
                return after.some(places) - before.some(places);
              });
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

  private static boolean isMean(TaskScores.Score score) {
    return score.metric().aggregation() == Aggregation.Kind.MEAN;
  }

  private static boolean isShare(List<MetricItem> items) {
    return items.stream()
        .allMatch(i -> i instanceof MetricItem.Value v && (v.value() == 0 || v.value() == 1));
  }

  private static List<Boolean> right(List<MetricItem> items) {
    List<Boolean> right = new ArrayList<>();
    items.forEach(item -> right.add(item instanceof MetricItem.Value v && v.value() == 1));
    return right;
  }

  private static int[] places(int[] times) {
    return IntStream.range(0, times.length)
        .flatMap(i -> IntStream.generate(() -> i).limit(times[i]))
        .toArray();
  }
}
