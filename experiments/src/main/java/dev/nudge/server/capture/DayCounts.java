package dev.nudge.server.capture;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;

/// Counts answers and feedback by adapter, in the current hour and the 23 before it.
///
/// Threading: any thread.
public final class DayCounts {
  private static final int HOURS = 24;

  private final Map<Long, Map<String, long[]>> hours = new TreeMap<>();

  /// The counts of an adapter.
  ///
  /// @param adapter adapter with its version
  /// @param liked ratings above ½
  /// @param disliked ratings below ½
  public record Row(
      String adapter,
      long answers,
      long liked,
      long disliked,
      long corrected,
      long regenerated,
      long comments) {
    static Row of(String adapter, long[] counts) {
      return new Row(adapter, counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]);
    }
  }

  /// Counts a line of a file.
  synchronized void add(String adapter, JsonNode line, Instant at) {
    if (hours.size() > HOURS) {
      forget(at);
    }
    long[] counts =
        hours
            .computeIfAbsent(hour(at), _ -> new TreeMap<>())
            .computeIfAbsent(adapter, _ -> new long[6]);
    if (line.path("kind").asString("").equals(CapturedAnswer.KIND)) {
      counts[0]++;
      return;
    }
    double score = line.path("score").asDouble(0.5);
    counts[1] += score > 0.5 ? 1 : 0;
    counts[2] += score < 0.5 ? 1 : 0;
    counts[3] += line.has("correction") ? 1 : 0;
    counts[4] += line.has("regeneration_of") ? 1 : 0;
    counts[5] += line.has("comment") ? 1 : 0;
  }

  private void forget(Instant now) {
    hours.keySet().removeIf(hour -> hour <= hour(now) - HOURS);
  }

  /// Returns the counts of the last day, by adapter.
  synchronized List<Row> lastDay(Instant now) {
    forget(now);
    Map<String, long[]> sums = new TreeMap<>();
    for (Map<String, long[]> one : hours.values()) {
      one.forEach(
          (adapter, counts) -> {
            long[] sum = sums.computeIfAbsent(adapter, _ -> new long[counts.length]);
            for (int i = 0; i < counts.length; i++) {
              sum[i] += counts[i];
            }
          });
    }
    return sums.entrySet().stream().map(e -> Row.of(e.getKey(), e.getValue())).toList();
  }

  private static long hour(Instant at) {
    return at.getEpochSecond() / Duration.ofHours(1).toSeconds();
  }
}
