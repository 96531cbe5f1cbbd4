package dev.nudge.train;

import dev.nudge.format.DiskRoom;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.train.events.TrainEvent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Writes `samples.jsonl`: the answers at each held-out loss, a line a prompt, and the completions
/// that a run samples to train on. Runs without either have no such file.
final class Samples {
  private final Supplier<Path> folder;

  /// @param folder the current folder of the run
  Samples(Supplier<Path> folder) {
    this.folder = folder;
  }

  /// Truncates the file to the lines that a checkpoint covers.
  ///
  /// @return false if some of these lines are missing
  boolean goOn(long bytes) {
    return Files.exists(file()) ? OutFolder.cut(file(), bytes) : bytes == 0;
  }

  private Path file() {
    return folder.get().resolve(RunFolder.SAMPLES);
  }

  /// Bytes of the lines so far.
  long bytes() {
    return DiskRoom.bytes(List.of(file()));
  }

  /// Syncs the lines so far to the disk.
  void force() {
    if (Files.exists(file())) {
      OutFolder.force(file());
    }
  }

  void write(TrainEvent.Sampled sample) {
    Map<String, @Nullable Object> row = new LinkedHashMap<>();
    row.put("prompt", sample.prompt());
    row.put("completion", sample.completion());
    write(sample.step(), row);
  }

  void write(int step, Map<String, @Nullable Object> sample) {
    Map<String, @Nullable Object> row = new LinkedHashMap<>();
    row.put("step", step);
    row.putAll(sample);
    OutFolder.append(file(), Json.line(row));
  }
}
