package dev.nudge.plan;

import java.text.DecimalFormat;
import java.text.DecimalFormatSymbols;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What lost machines cost a run of several ranks: each loss ends the step of all of them, and the
/// run goes on from its newest checkpoint.
///
/// Machines are lost at random, each once in a mean time M, so one of N at the rate λ = N / M. With
/// a checkpoint every τ seconds and R seconds until all ranks compute again, the share of the time
/// that counts is [1]
///
///     λτ · exp(−λR) / (exp(λτ) − 1)  ≈  1 − λ (R + τ/2)    while losses are rare
///
/// It falls with N in a line first, and like exp(−λ (R + τ)) once a loss comes in nearly every
/// interval. Saving itself costs nothing here: it goes on beside the steps.
///
/// Both are assumed: τ, the time between two checkpoints, as 180 s, and R, until Spark tells, a
/// pause, the start of an executor and loading, as 60 s.
///
/// [1] Daly: A higher order estimate of the optimum checkpoint interval for restart dumps, 2006,
/// with free checkpoints.
///
/// @param mtbfHours mean time between two losses of one machine
public record RankLosses(int ranks, double mtbfHours) {
  static final double INTERVAL = 180; // τ, seconds
  static final double RESTART = 60; // R, seconds

  /// Seconds between two losses among all ranks.
  public double secondsBetween() {
    return 3600 * mtbfHours / ranks;
  }

  /// The share of the time that counts, by the law.
  public double kept() {
    double interval = INTERVAL / secondsBetween();
    return interval * Math.exp(-RESTART / secondsBetween()) / Math.expm1(interval);
  }

  /// The line for people.
  public String line() {
    return String.format(
        Locale.ROOT,
        "losses     one of %,d machines every %s, if each is lost once in %s: %.1f %% of"
            + " the time counts (assumed: a checkpoint every %.0f s, %.0f s to start again)",
        ranks,
        between(),
        new DecimalFormat("#,##0.##########", DecimalFormatSymbols.getInstance(Locale.ROOT))
                .format(mtbfHours)
            + (mtbfHours == 1 ? " hour" : " hours"),
        100 * kept(),
        INTERVAL,
        RESTART);
  }

  private String between() {
    double seconds = secondsBetween();
    if (seconds < 120) {
      return String.format(Locale.ROOT, seconds < 10 ? "%.2g seconds" : "%.0f seconds", seconds);
    }
    return seconds < 7200
        ? String.format(Locale.ROOT, "%.0f minutes", seconds / 60)
        : String.format(Locale.ROOT, "%.0f hours", seconds / 3600);
  }

  /// The same as keys and values.
  public Map<String, @Nullable Object> values() {
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    values.put("mtbf_hours", mtbfHours);
    values.put("seconds_between_losses", secondsBetween());
    values.put("share_kept", kept());
    return values;
  }
}
