package dev.nudge.runs;

import dev.nudge.curves.MetricRows;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// How far a run is that has not ended, by the end of its `metrics.jsonl`.
///
/// @param steps made
/// @param loss that of the last one; null where it was skipped
record Progress(int steps, @Nullable Double loss) {
  static final Progress NONE = new Progress(0, null);

  /// Reads the last rows of the file; nothing where it is absent or cannot be read.
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
