package dev.nudge.plan;

import dev.nudge.settings.Bytes;
import dev.nudge.settings.train.BitRate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
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
/// share σ, the largest of N is about 1 + σ·e(N) means, with [1]
///
///     e(N) = s − (ln ln N + ln 4π − 2γ) / 2s,    s = √(2 ln N),    γ = 0.5772…
///
/// which is 1 % too high for 1,000 ranks, a tenth for 5 and a third for 2; σ is assumed, not
/// measured. So with as much work a rank the efficiency falls with N as
/// 1 / (1 + σ·e(N) + exchange(N) / computing): slowly by the slowest, and by the latency of 2N
/// pieces once those take as long as a step.
///
/// [1] the expected maximum of N normal numbers; see Cramér: Mathematical Methods of Statistics,
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
  static final double SPREAD = 0.05; // σ
  private static final long SEED = 1;
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
    return computing == null ? 0 : computing * SPREAD * slowest(ranks);
  }

  /// How many standard deviations the slowest of so many is above the mean.
  public static double slowest(int ranks) {
    double s = Math.sqrt(2 * Math.log(ranks));
    double euler = 0.57721566490153286;
    return ranks < 2
        ? 0
        : s - (Math.log(Math.log(ranks)) + Math.log(4 * Math.PI) - 2 * euler) / (2 * s);
  }

  /// The share of its time that a rank computes if there are so many, each with as much work as
  /// here; NaN if computing was not measured.
  public double efficiency(int many) {
    RankPace other = new RankPace(many, network, gradientBytes, alone, computing);
    return computing == null ? Double.NaN : computing / other.seconds();
  }

  /// Seconds of a step; NaN if computing was not measured.
  public double seconds() {
    return computing == null ? Double.NaN : computing + waiting() + exchange();
  }

  /// The lines on losses, and on how efficiency falls with the number of ranks if computing was
  /// measured.
  ///
  /// @param mtbfHours mean time between two losses of one machine
  public List<String> scale(double mtbfHours) {
    RankLosses here = new RankLosses(ranks, mtbfHours);
    if (computing == null) {
      return List.of(here.line());
    }
    List<String> shares = new ArrayList<>();
    for (int many = 10; many <= 10_000; many *= 10) {
      double share = efficiency(many) * new RankLosses(many, mtbfHours).kept();
      shares.add(String.format(Locale.ROOT, "%.0f %% of %,d", 100 * share, many));
    }
    return List.of(
        here.line(),
        String.format(
            Locale.ROOT,
            "scale      with as much work a rank they compute %s; of %,d %.1f %% by the law, %.1f"
                + " %% in a simulated run",
            String.join(", ", shares),
            ranks,
            100 * efficiency(ranks) * here.kept(),
            100 * simulated(mtbfHours)));
  }

  /// The share of their time that the ranks compute what counts, of a run that is played step by
  /// step; NaN if computing was not measured.
  public double simulated(double mtbfHours) {
    return computing == null
        ? Double.NaN
        : RankSimulation.efficiency(this, computing, new RankLosses(ranks, mtbfHours), SEED);
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
