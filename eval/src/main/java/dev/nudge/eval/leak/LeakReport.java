package dev.nudge.eval.leak;

import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/// What was found in a training set of an evaluation.
///
/// @param rows training rows that were read
/// @param items of the evaluation
/// @param leaks those that were found, in the evaluation's order
/// @param unread training rows that could not be looked at, beside [#rows]
public record LeakReport(long rows, int items, List<Leak> leaks, long unread) {
  public LeakReport {
    leaks = List.copyOf(leaks);
  }

  /// How many items were found in each way; one may be found in several.
  public Map<LeakKind, Long> counts() {
    Map<LeakKind, Long> counts = new EnumMap<>(LeakKind.class);
    for (LeakKind kind : LeakKind.values()) {
      counts.put(kind, leaks.stream().filter(leak -> leak.witnesses().containsKey(kind)).count());
    }
    return counts;
  }

  /// Whether more than a tenth of the training set could not be looked at, so that "nothing was
  /// found" shows nothing.
  public boolean isBlind() {
    return 10 * unread > rows + unread;
  }

  /// The ids that were found; all others are clean.
  public Set<String> ids() {
    return leaks.stream().map(Leak::id).collect(Collectors.toSet());
  }

  /// What was found, as `--json` shows it: `documents`, `rows`, `unread` (rows that could
  /// not be looked at), `found` (documents), how many in each way, and the `ids` of those that were
  /// found.
  public Map<String, Object> summary() {
    Map<String, Object> summary = new LinkedHashMap<>();
    summary.put("documents", items);
    summary.put("rows", rows);
    summary.put("unread", unread);
    summary.put("found", leaks.size());
    counts().forEach((kind, count) -> summary.put(kind.name().toLowerCase(Locale.ROOT), count));
    summary.put("ids", leaks.stream().map(Leak::id).toList());
    return summary;
  }
}
