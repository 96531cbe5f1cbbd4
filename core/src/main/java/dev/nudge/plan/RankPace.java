package dev.nudge.plan;

import dev.nudge.settings.BitRate;
import dev.nudge.settings.Bytes;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What a step costs on several ranks: the slowest one's computing, then the gradients' way
/// through all of them.
///
/// Gradients go along the chain of ranks and their sum goes along it once more: a rank between two
/// others receives and sends each byte
/// twice, one of two ranks once. The pieces follow one another, so the chain's length adds 2N − 2
/// pieces of latency only. Nothing of it is hidden behind the backward pass.
///
/// A step waits for the slowest of N ranks. Of times that vary normally around their mean by a
/// share σ, the largest of N is about 1 + σ·√(2 ln N) means [1]; σ is assumed, not measured.
///
/// [1] the leading term of the expected maximum; see Cramér: Mathematical Methods of Statistics,
/// 1946, 28.6.
///
/// @param gradientBytes of a step, on each rank
/// @param alone seconds of a step on one machine; null: not measured
/// @param computing seconds of a rank's share without waiting; null: not measured
public record RankPace(
    int ranks,
    BitRate network,
    long gradientBytes,
    @Nullable Double alone,
    @Nullable Double computing) {
  private static final double SPREAD = 0.05; // σ
  private static final double PIECE_BITS = 8.0 * (1 << 18);
  private static final double HOP = 1e-4; // seconds until a piece is read and passed on

  /// Seconds in which the gradients are summed.
  public double exchange() {
    double times = ranks == 2 ? 1 : 2;
    double rate = network.bitsPerSecond();
    return times * 8 * gradientBytes / rate + 2 * (ranks - 1) * (PIECE_BITS / rate + HOP);
  }

  /// Seconds that a step waits for its slowest rank; 0 if computing was not measured.
  public double waiting() {
    return computing == null ? 0 : computing * SPREAD * Math.sqrt(2 * Math.log(ranks));
  }

  /// Seconds of a step; NaN if computing was not measured.
  public double seconds() {
    return computing == null ? Double.NaN : computing + waiting() + exchange();
  }

  /// The line for people.
  public String line() {
    String sent =
        String.format(
            Locale.ROOT,
            "%.2f s for %s of gradients at %s",
            exchange(),
            Bytes.shown(gradientBytes),
            network);
    if (alone == null || computing == null) {
      return "ranks      " + ranks + ": a step takes " + sent + " more";
    }
    double faster = alone / seconds();
    return String.format(
        Locale.ROOT,
        "ranks      %d: %.2f s a step = %.2f s computing + %.2f s for the slowest (times that vary"
            + " by %.0f %%) + %s; %.2f times as fast as one (%.0f %% of %d)",
        ranks,
        seconds(),
        computing,
        waiting(),
        100 * SPREAD,
        sent,
        faster,
        100 * faster / ranks,
        ranks);
  }

  /// The same as keys and values.
  public Map<String, @Nullable Object> values() {
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    values.put("ranks", ranks);
    values.put("network_bits_per_s", network.bitsPerSecond());
    values.put("gradient_bytes", gradientBytes);
    values.put("exchange_seconds", exchange());
    values.put("waiting_seconds", computing == null ? null : waiting());
    values.put("computing_seconds", computing);
    values.put("seconds_per_step", computing == null ? null : seconds());
    values.put("seconds_per_step_alone", alone);
    return values;
  }
}
