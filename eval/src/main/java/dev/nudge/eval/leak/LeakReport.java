package dev.nudge.eval.leak;

import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/// The result of a leak scan.
///
/// @param rows training rows that were scanned
/// @param items number of evaluation items
/// @param leaks items found, in evaluation order
/// @param unread unreadable training rows, not part of [#rows]
public record LeakReport(long rows, int items, List<Leak> leaks, long unread) {
  public LeakReport {
    leaks = List.copyOf(leaks);
  }

  /// Returns the number of items by kind of leak; an item may have several kinds.
  public Map<LeakKind, Long> counts() {
    Map<LeakKind, Long> counts = new EnumMap<>(LeakKind.class);
    for (LeakKind kind : LeakKind.values()) {
      counts.put(kind, leaks.stream().filter(leak -> leak.witnesses().containsKey(kind)).count());
    }
    return counts;
  }

  /// Whether more than a tenth of the training rows was unreadable, so that "no leak" proves
  /// nothing.
  public boolean isBlind() {
    return 10 * unread > rows + unread;
  }

  /// Returns the ids of the leaked items; all others are clean.
  public Set<String> ids() {
    return leaks.stream().map(Leak::id).collect(Collectors.toSet());
  }

  /// Returns the report as in `--json`: `documents`, `rows`, `unread` (unreadable rows), `found`
  /// (leaked documents), a count per kind, and the `ids` of the leaked documents.
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
