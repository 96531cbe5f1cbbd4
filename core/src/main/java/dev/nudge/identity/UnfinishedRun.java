package dev.nudge.identity;

import dev.nudge.format.Json;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;

/// Warns of an adapter whose run has not finished: each save of a run leaves one that can be used.
public final class UnfinishedRun {
  private UnfinishedRun() {}

  /// Warns if `run.json` beside an adapter tells of a run that has not finished.
  ///
  /// @param called name of the adapter in the warning
  /// @param warnings receives at most one line
  public static void warn(String called, Path adapter, Consumer<String> warnings) {
    Path file = adapter.resolve("run.json");
    if (!Files.isRegularFile(file)) {
      return;
    }
    JsonNode run = Json.read(file);
    String state = run.path("state").asString("finished");
    if (!state.equals("finished")) {
      warnings.accept(
          "adapter %s is that of step %s of %s: its run is %s, not finished"
              .formatted(
                  called,
                  run.path("saved_step").asString("?"),
                  run.path("planned_steps").asString("?"),
                  state));
    }
  }
}
