package dev.nudge.train.events;

import dev.nudge.format.Json;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Formats an event of a run as one JSON object: its name, the caller's keys, its components.
final class EventLine {
  private EventLine() {}

  /// The name of an infrequent event; null for a step, a plan's line or a sample, which have files
  /// of their own.
  static @Nullable String name(TrainEvent event) {
    return switch (event) {
      case TrainEvent.Started _ -> "started";
      case TrainEvent.Evaluated _ -> "evaluated";
      case TrainEvent.Saved _ -> "saved";
      case TrainEvent.Warning _ -> "warning";
      case TrainEvent.Diverged _ -> "diverged";
      case TrainEvent.Failed _ -> "failed";
      case TrainEvent.Finished end -> end.state() == RunState.STOPPED ? "stopped" : "finished";
      case TrainEvent.Tokenised _,
          TrainEvent.Planned _,
          TrainEvent.Layout _,
          TrainEvent.Referenced _,
          TrainEvent.Step _,
          TrainEvent.Sampled _ ->
          null;
    };
  }

  /// @param more keys beside those of the event
  static String of(String name, TrainEvent event, Map<String, ?> more) {
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    values.put("event", name);
    values.putAll(more);
    for (Map.Entry<String, JsonNode> field : Json.tree(event).properties()) {
      JsonNode value = field.getValue();
      boolean number = !value.isFloatingPointNumber() || Double.isFinite(value.doubleValue());
      values.putIfAbsent(field.getKey(), number ? value : null);
    }
    return Json.line(values);
  }
}
