package dev.nudge.bench;

import dev.nudge.bench.measure.Profile;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/// Formats the times of a [Profile]: each part's milliseconds and its share of the step.
///
/// Times are summed over the lanes and divided by their number, so that the parts of a step add up
/// to its wall time. `waiting` is the time that lanes wait for the lane with most recorded time;
/// `other` is the rest: Java between the calls, zeroing, compilation.
public final class Breakdown {
  private Breakdown() {}

  /// @param seconds of all profiled steps together
  /// @param rate of the machine's products, GFLOP/s
  public static List<String> lines(
      List<Map<String, Profile.Sum>> sheets, int lanes, int steps, double seconds, double rate) {
    Map<String, Profile.Sum> total = new TreeMap<>();
    double most = 0;
    double booked = 0;
    for (Map<String, Profile.Sum> sheet : sheets) {
      double lane = 0;
      for (Map.Entry<String, Profile.Sum> e : sheet.entrySet()) {
        Profile.Sum sum = total.computeIfAbsent(e.getKey(), p -> new Profile.Sum());
        sum.nanos += e.getValue().nanos;
        sum.calls += e.getValue().calls;
        sum.flops += e.getValue().flops;
        lane += e.getValue().nanos;
      }
      most = Math.max(most, lane);
      booked += lane;
    }
    double step = seconds / steps * 1e3;
    double scale = 1e-6 / lanes / steps;
    List<String> lines = new ArrayList<>();
    lines.add("  part                          ms      %   calls   GFLOP/s   % of rate");
    total.entrySet().stream()
        .sorted(Comparator.comparing(e -> -e.getValue().nanos))
        .forEach(
            e -> {
              Profile.Sum s = e.getValue();
              double reached = s.flops / s.nanos * lanes;
              lines.add(
                  line(e.getKey(), s.nanos * scale, step)
                      + String.format(Locale.ROOT, "%8d", s.calls / steps)
                      + (s.flops == 0
                          ? ""
                          : String.format(
                              Locale.ROOT, "%10.0f%12.1f", reached, 100 * reached / rate)));
            });
    double waiting = (most * lanes - booked) * scale;
    lines.add(line("waiting for slower lane", waiting, step));
    lines.add(line("other", step - most * lanes * scale, step));
    lines.add(line("step", step, step));
    return lines;
  }

  private static String line(String part, double millis, double step) {
    return String.format(Locale.ROOT, "  %-26s%8.1f%7.1f", part, millis, 100 * millis / step);
  }
}
