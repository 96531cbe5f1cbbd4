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

/// Tells on the driver what rank 0 writes into the run's `metrics.jsonl`, as events.
///
/// Threading: one thread.
final class Metrics {
  private final Path file;
  private final int steps;
  private final Consumer<TrainEvent> events;
  private long read; // bytes
  private int told; // the last step

  /// @param from step that the run goes on from; what the file has by now is of earlier runs
  /// @param steps of the whole run
  Metrics(Path out, int from, int steps, Consumer<TrainEvent> events) {
    this.file = out.resolve(RunFiles.METRICS);
    this.told = from;
    this.read = file.toFile().length();
    this.steps = steps;
    this.events = events;
  }

  /// The last step that was told.
  int step() {
    return told;
  }

  /// Tells the steps that were made since the last call; steps made again are not told again.
  void read() {
    for (String line : newLines()) {
      try {
        tell(Json.parse(line));
      } catch (JacksonException e) {
        // of a file that was cut at this moment
      }
    }
  }

  /// The whole lines behind those that were read; all if the file has become shorter.
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
      return List.of(); // it may be replaced at this moment
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
