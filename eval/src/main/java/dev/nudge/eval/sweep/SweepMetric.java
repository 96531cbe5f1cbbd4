package dev.nudge.eval.sweep;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// An evaluation by which a sweep ranks its settings.
///
/// @param task name or file of a task
/// @param metric of the task, a mean over its documents
/// @param dataDir folder of documents, as `eval --data-dir`; null: none
/// @param limit most documents, the first ones; null: all
public record SweepMetric(
    String task, String metric, @Nullable String dataDir, @Nullable Integer limit) {
  private static final List<String> KEYS = List.of("task", "metric", "data_dir", "limit");

  /// Reads what a file says; null: settings are ranked by held-out loss.
  static @Nullable SweepMetric of(String place, @Nullable Object given) {
    if (given == null || given.equals(Leaderboard.LOSS)) {
      return null;
    }
    if (!(given instanceof Map)) {
      throw SweepFile.wrong(
          place,
          "metric is %s; it must be eval_loss, or an evaluation such as {task: tickets.yaml, metric: exact_match}"
              .formatted(SweepFile.shown(given)));
    }
    Map<String, @Nullable Object> values = SweepFile.map(place, "metric", given);
    for (String key : values.keySet()) {
      if (!KEYS.contains(key)) {
        throw SweepFile.wrong(
            place, "metric has '%s'; it has %s".formatted(key, String.join(", ", KEYS)));
      }
    }
    Object limit = values.get("limit");
    if (limit != null && !(limit instanceof Integer number && number > 0)) {
      throw SweepFile.wrong(
          place,
          "metric: limit is %s; it must be a number of documents"
              .formatted(SweepFile.shown(limit)));
    }
    return new SweepMetric(
        text(place, "task", values),
        text(place, "metric", values),
        values.containsKey("data_dir") ? text(place, "data_dir", values) : null,
        (Integer) limit);
  }

  private static String text(String place, String key, Map<String, @Nullable Object> values) {
    if (values.get(key) instanceof String text && !text.isBlank()) {
      return text;
    }
    throw SweepFile.wrong(
        place,
        "metric: %s is %s; it must be a text".formatted(key, SweepFile.shown(values.get(key))));
  }
}
