package dev.nudge.server;

import dev.nudge.server.http.Served;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/// The adapters with running requests, by name.
///
/// Threading: any number of threads.
final class Running {
  private final Map<String, Integer> counts = new HashMap<>();

  synchronized void begin(Served served) {
    if (!served.isBase()) {
      counts.merge(served.name(), 1, Integer::sum);
    }
  }

  synchronized void end(Served served) {
    counts.computeIfPresent(served.name(), (_, n) -> n == 1 ? null : n - 1);
  }

  /// The sorted names.
  synchronized List<String> names() {
    return List.copyOf(new TreeSet<>(counts.keySet()));
  }
}
