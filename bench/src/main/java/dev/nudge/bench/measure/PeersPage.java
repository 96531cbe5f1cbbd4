package dev.nudge.bench.measure;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Prints the results of `Peers` as tables for `docs/benchmarks.md`.
public final class PeersPage {
  private static final String HEADING =
      """
      | side | real tokens/s, median (rounds) | ratio | first loss | RssAnon peak | whole peak |
      |---|---|---|---|---|---|\
      """;

  private PeersPage() {}

  /// @param scan every setting of the peer, once
  /// @param theirs rounds of its best
  public static void table(
      Map<PeerSetting, Side> scan, Map<PeerSetting, List<Side>> theirs, List<Side> ours) {
    say("");
    say(HEADING);
    double our = median(ours);
    say(
        "| nudge | %.1f (%s) | | %.4f | %s | %s |",
        our, rates(ours), first(ours), Child.gib(anon(ours)), Child.gib(total(ours)));
    theirs.forEach(
        (setting, sides) ->
            say(
                "| peer, %s | %.1f (%s) | %.2f | %.4f | %s | %s |",
                setting.label(),
                median(sides),
                rates(sides),
                our / median(sides),
                first(sides),
                Child.gib(anon(sides)),
                Child.gib(total(sides))));
    scan.forEach(
        (setting, side) -> {
          if (theirs.containsKey(setting)) {
            return;
          }
          if (side.fine()) {
            say(
                "| peer, %s, once | %.1f | | %.4f | %s | %s |",
                setting.label(),
                side.median(),
                side.losses().getFirst(),
                Child.gib(side.anon()),
                Child.gib(side.total()));
          } else {
            say("| peer, %s | %s | | | | |", setting.label(), side.failure());
          }
        });
  }

  /// Prints the ratios' factors.
  ///
  /// @param padding the peer's tokens ÷ real tokens
  public static void factors(
      Map<PeerSetting, Side> scan,
      Map<PeerSetting, List<Side>> theirs,
      List<Side> ours,
      double padding) {
    say("");
    PeerSetting best =
        theirs.keySet().stream()
            .filter(s -> !s.defaults())
            .max(Comparator.comparing(s -> median(theirs.get(s))))
            .orElseThrow();
    double our = median(ours);
    theirs.forEach(
        (setting, sides) -> {
          double recomputation =
              setting.defaults()
                  ? gain(scan, new PeerSetting(false, "sdpa", true, "bf16"))
                  : setting.checkpointing() ? gain(scan, setting) : 1;
          say(
              "against %s%s: %s",
              setting.label(),
              setting.equals(best) ? " (its best)" : "",
              Factors.of(our / median(sides), padding, recomputation));
        });
  }

  /// Returns the peer's gain from not checkpointing; 1 if it does not fit without.
  private static double gain(Map<PeerSetting, Side> scan, PeerSetting setting) {
    Side with = scan.get(setting.withCheckpointing(true));
    Side without = scan.get(setting.withCheckpointing(false));
    return with != null && without != null && with.fine() && without.fine()
        ? without.median() / with.median()
        : 1;
  }

  /// @param setting the peer's
  public static void lora(PeerSetting setting, List<Side> ours, List<Side> theirs) {
    say("");
    say("LoRA without quantisation, %s:", setting.label());
    say(HEADING);
    for (List<Side> side : List.of(ours, theirs)) {
      say(
          "| %s | %.1f (%s) | %s | %.4f | %s | %s |",
          side == ours ? "nudge" : "peer",
          median(side),
          rates(side),
          side == ours ? "" : String.format(Locale.ROOT, "%.2f", median(ours) / median(theirs)),
          first(side),
          Child.gib(anon(side)),
          Child.gib(total(side)));
    }
  }

  private static double median(@Nullable List<Side> sides) {
    return TrainingSteps.median(
        sides == null
            ? new double[] {Double.NaN}
            : sides.stream().mapToDouble(s -> s.fine() ? s.median() : Double.NaN).toArray());
  }

  private static String rates(List<Side> sides) {
    return String.join(
        ", ",
        sides.stream()
            .map(s -> s.fine() ? String.format(Locale.ROOT, "%.0f", s.median()) : s.failure())
            .toList());
  }

  private static double first(List<Side> sides) {
    return sides.getFirst().fine() ? sides.getFirst().losses().getFirst() : Double.NaN;
  }

  private static long anon(List<Side> sides) {
    return sides.stream().mapToLong(Side::anon).max().orElse(0);
  }

  private static long total(List<Side> sides) {
    return sides.stream().mapToLong(Side::total).max().orElse(0);
  }

  public static void say(String format, @Nullable Object... values) {
    System.out.printf(Locale.ROOT, format + "%n", values);
  }
}
