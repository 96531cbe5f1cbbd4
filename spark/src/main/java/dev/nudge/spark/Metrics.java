package dev.nudge.spark;

import dev.nudge.format.Json;
import dev.nudge.format.RunFiles;
import dev.nudge.train.events.TrainEvent;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// Reads on the driver the `metrics.jsonl` that rank 0 writes, and reports its lines as events.
///
/// Threading: one thread.
final class Metrics {
  private final Path file;
  private final int steps;
  private final Consumer<TrainEvent> events;
  private long read; // bytes
  private int lastStep; // reported

  /// @param from step from which the run resumes; the file's present lines are of earlier runs
  /// @param steps steps of the whole run
  Metrics(Path out, int from, int steps, Consumer<TrainEvent> events) {
    this.file = out.resolve(RunFiles.METRICS);
    this.lastStep = from;
    this.read = file.toFile().length();
    this.steps = steps;
    this.events = events;
  }

  /// Returns the last reported step.
  int step() {
    return lastStep;
  }

  /// Reports the steps since the last call; repeated steps are not reported again.
  void read() {
    for (String line : newLines()) {
      try {
        tell(Json.parse(line));
      } catch (JacksonException e) {
        // the file is being truncated
      }
    }
  }

  /// Returns the complete lines since the last read; all lines if the file became shorter.
  private List<String> newLines() {
    if (!Files.exists(file)) {
      return List.of();
    }
    try (RandomAccessFile in = new RandomAccessFile(file.toFile(), "r")) {
      read = in.length() < read ? 0 : read;
      byte[] bytes = new byte[Math.toIntExact(in.length() - read)];
      in.seek(read);
      in.readFully(bytes);
      String text = new String(bytes, StandardCharsets.UTF_8);
      String whole = text.substring(0, text.lastIndexOf('\n') + 1);
      read += whole.getBytes(StandardCharsets.UTF_8).length;
      return whole.lines().toList();
    } catch (IOException e) {
      return List.of(); // it may be being replaced
    }
  }

  private void tell(JsonNode line) {
    int step = line.path("step").asInt(0);
    if (step <= lastStep || !line.has("lr")) {
      return;
    }
    lastStep = step;
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
