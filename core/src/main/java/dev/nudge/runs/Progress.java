package dev.nudge.runs;

import dev.nudge.curves.MetricRows;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// The progress of an unfinished run, read from the end of its `metrics.jsonl`.
///
/// @param steps made
/// @param loss of the last step; null if it was skipped
record Progress(int steps, @Nullable Double loss) {
  static final Progress NONE = new Progress(0, null);

  /// Reads the last rows of the file; [#NONE] if it is missing or unreadable.
  static Progress of(Path metrics) {
    List<JsonNode> rows = MetricRows.last(metrics);
    for (JsonNode row : rows.reversed()) {
      if (row.has("loss")) {
        return new Progress(row.path("step").asInt(0), RunSummary.number(row.path("loss")));
      }
    }
    return NONE;
  }
}
