package dev.nudge.spark;

import dev.nudge.format.Json;
import dev.nudge.train.TrainEvent;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// Tells on the driver what rank 0 writes into the run's `metrics.jsonl`, as events.
///
/// Threading: one thread.
final class Metrics {
  private final Path file;
  private final int steps;
  private final Consumer<TrainEvent> events;
  private int told; // the last step

  /// @param steps of the whole run
  Metrics(Path out, int steps, Consumer<TrainEvent> events) {
    this.file = out.resolve("metrics.jsonl");
    this.steps = steps;
    this.events = events;
  }

  /// The last step that was told.
  int step() {
    return told;
  }

  /// Tells the steps that were made since the last call; steps made again are not told again.
  void read() {
    List<String> lines;
    try {
      lines = Files.exists(file) ? Files.readAllLines(file) : List.of();
    } catch (IOException e) {
      return; // it may be replaced at this moment
    }
    for (String line : lines) {
      try {
        tell(Json.parse(line));
      } catch (JacksonException e) {
        return; // the last one is not whole yet
      }
    }
  }

  private void tell(JsonNode line) {
    int step = line.path("step").asInt(0);
    if (step <= told || !line.has("lr")) {
      return;
    }
    told = step;
    events.accept(
        new TrainEvent.Step(
            step,
            steps,
            line.path("loss").asDouble(Double.NaN),
            line.path("lr").asDouble(0),
            line.path("grad_norm").asDouble(Double.NaN),
            line.path("tokens").asLong(0),
            line.path("trained_tokens").asLong(0),
            line.path("seconds").asDouble(0),
            line.path("tokens_per_s").asDouble(0),
            line.path("rss_anon_mb").asDouble(Double.NaN),
            Map.of()));
  }
}
