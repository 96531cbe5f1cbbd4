package dev.nudge.runs;

import dev.nudge.curves.Curves;
import dev.nudge.curves.MetricRows;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.format.RunFiles;
import dev.nudge.settings.InputException;
import dev.nudge.train.Training;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// A run with the contents of its folder.
///
/// @param summary its row in the list of runs
/// @param run its `run.json`
/// @param metrics the rows of its `metrics.jsonl`
public record StoredRun(RunSummary summary, JsonNode run, List<JsonNode> metrics) {

  /// Opens a run's folder; first repairs a folder that a killed process left half replaced.
  ///
  /// @throws InputException if the folder is not a run's
  public static StoredRun open(Path folder) {
    if (!Files.isDirectory(folder)) {
      String what = Files.exists(folder) ? "is a file" : "is not there";
      throw new InputException(folder + " " + what + "; give a run's folder or its id");
    }
    OutFolder.mend(folder);
    Path file = folder.resolve(RunFiles.RUN);
    if (!Files.isRegularFile(file)) {
      throw new InputException(
          folder + " is not a run's folder: it holds no " + RunFiles.RUN + "; give one, or an id");
    }
    JsonNode run = Json.read(file);
    RunSummary summary = RunSummary.of(folder, run);
    if (summary == null) {
      throw new InputException(file + " is damaged or of a newer nudge; fix it, or update nudge");
    }
    Path metrics = folder.resolve(RunFiles.METRICS);
    return new StoredRun(summary.now(Progress.of(metrics)), run, MetricRows.read(metrics));
  }

  /// The folder.
  public Path folder() {
    return summary.folder();
  }

  /// The failure message; null: no failure, or an old nudge kept no message.
  public @Nullable String failure() {
    String line = run.path(RunFiles.FAILURE).asString("");
    return line.isEmpty() ? null : line;
  }

  /// The run's losses, under the folder's name.
  public Curves curves() {
    return Curves.of(summary.name(), metrics);
  }

  /// The run's files: name → bytes.
  public Map<String, Long> artefacts() {
    Map<String, Long> files = new TreeMap<>();
    for (String name : Training.written(folder())) {
      Path file = folder().resolve(name);
      if (Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
        try {
          files.put(name, Files.size(file));
        } catch (IOException e) {
          // deleted since
        }
      }
    }
    return files;
  }

  /// All of the run as `--json` prints it: `run.json` with the current state.
  public Map<String, @Nullable Object> values() {
    Map<String, @Nullable Object> values = new LinkedHashMap<>(Json.plain(run));
    values.put("state", summary.state().word());
    values.put("name", summary.name());
    values.put("folder", folder().toString());
    values.put("summary", summary.values());
    values.put("artefacts", artefacts());
    values.put("metrics", metrics);
    return values;
  }
}
