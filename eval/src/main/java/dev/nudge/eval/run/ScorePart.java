package dev.nudge.eval.run;

import dev.nudge.eval.Bootstrap;
import dev.nudge.eval.Interval;
import dev.nudge.eval.Resampled;
import dev.nudge.eval.run.TaskScores.Score;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A weighted part of a metric or paired difference for the bootstrap: a task has one part, a
/// group one per task, resampled separately.
///
/// @param before score of the other model; null: the metric itself, not a difference
/// @param weight weight of the part in the total
public record ScorePart(@Nullable Score before, Score after, double weight) {

  /// The bootstrap of all parts.
  ///
  /// @param resampled the resampled totals
  /// @param fraction whether they are differences of scores in [0, 1], or a clustered proportion
  /// @param lowest minimum of such a number; the maximum is 1
  public record Drawn(Resampled resampled, boolean fraction, double lowest) {

    /// Returns the two-sided interval at a confidence.
    public Interval interval(double confidence) {
      return fraction ? resampled.interval(confidence, lowest, 1) : resampled.interval(confidence);
    }
  }

  /// Resamples the weighted sum of parts; null with fewer than [Resampled#FEWEST] units, a resample
  /// without a value, or constant resamples that are not fractions.
  public static @Nullable Drawn draw(List<ScorePart> parts) {
    int fewest = parts.stream().mapToInt(part -> part.after.units().count()).min().orElseThrow();
    if (fewest < Resampled.FEWEST) {
      return null;
    }
    Resampled resampled;
    try {
      resampled = Bootstrap.STANDARD.strata(parts.stream().map(ScorePart::stratum).toList());
    } catch (IllegalArgumentException e) {
      return null; // a resample has no value
    }
    Interval whole = resampled.interval(1);
    boolean fraction = parts.stream().allMatch(ScorePart::isFraction);
    if ((resampled.isAlike() && !fraction)
        || !Double.isFinite(whole.low())
        || !Double.isFinite(whole.high())) {
      return null;
    }
    return new Drawn(resampled, fraction, parts.getFirst().before == null ? 0 : -1);
  }

  private boolean isFraction() {
    return before == null
        ? after.units().areClusters() && after.isShare()
        : before.isMean(ScorePart::isFraction) && after.isMean(ScorePart::isFraction);
  }

  private static boolean isFraction(double value) {
    return value >= 0 && value <= 1;
  }

  private Bootstrap.Stratum stratum() {
    Aggregation own = Aggregation.of(after.metric().aggregation(), after.items());
    Aggregation first =
        before == null ? null : Aggregation.of(before.metric().aggregation(), before.items());
    return new Bootstrap.Stratum(
        weight,
        after.units().numbers(),
        times -> own.counted(times) - (first == null ? 0 : first.counted(times)));
  }
}
