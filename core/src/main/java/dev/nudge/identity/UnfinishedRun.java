package dev.nudge.identity;

import dev.nudge.format.Json;
import dev.nudge.format.RunFiles;
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
    Path file = adapter.resolve(RunFiles.RUN);
    if (!Files.isRegularFile(file)) {
      return;
    }
    JsonNode run = Json.read(file);
    String state = run.path(RunFiles.STATE).asString("finished");
    if (!state.equals("finished")) {
      warnings.accept(
          "adapter %s is of a run that is %s, not finished: saved after step %s of %s"
              .formatted(
                  called,
                  state,
                  run.path(RunFiles.SAVED_STEP).asString("?"),
                  run.path(RunFiles.PLANNED_STEPS).asString("?")));
    }
  }
}
