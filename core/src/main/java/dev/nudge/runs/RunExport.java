package dev.nudge.runs;

import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Exports runs to files: metrics and settings as JSON, CSV, or TensorBoard event files.
public final class RunExport {
  private RunExport() {}

  /// Writes one JSON object, `runs`: each run with its `run.json`, its folder and its metrics.
  ///
  /// @param overwrite whether an existing file is replaced
  /// @return the file
  public static List<Path> json(List<StoredRun> runs, Path out, boolean overwrite) {
    List<Map<String, Object>> all = new ArrayList<>();
    for (StoredRun run : runs) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("folder", run.folder().toString());
      one.put("state", run.summary().state().word());
      one.put("run", run.run());
      one.put("metrics", run.metrics());
      all.add(one);
    }
    return List.of(file("--out", out, Json.indented(Map.of("runs", all)) + "\n", overwrite));
  }

  /// Writes a folder with `runs.csv`, a row for each run with all settings, and `metrics.csv`, a
  /// row for each row of the runs' metrics, joined by `id`.
  ///
  /// @return the files
  public static List<Path> csv(List<StoredRun> runs, Path out, boolean overwrite) {
    List<Map<String, JsonNode>> settings = new ArrayList<>();
    List<Map<String, JsonNode>> metrics = new ArrayList<>();
    for (StoredRun run : runs) {
      Map<String, JsonNode> row = new LinkedHashMap<>();
      run.summary().values().forEach((key, value) -> row.put(key, tree(value)));
      row.remove("settings");
      run.summary()
          .settings()
          .properties()
          .forEach(entry -> row.put("settings." + entry.getKey(), entry.getValue()));
      settings.add(row);
      for (JsonNode line : run.metrics()) {
        Map<String, JsonNode> point = new LinkedHashMap<>();
        point.put("id", Json.tree(run.summary().id()));
        line.properties().forEach(entry -> point.put(entry.getKey(), entry.getValue()));
        metrics.add(point);
      }
    }
    folder(out, List.of("runs.csv", "metrics.csv"), overwrite);
    return List.of(
        file("--out", out.resolve("runs.csv"), table(settings), true),
        file("--out", out.resolve("metrics.csv"), table(metrics), true));
  }

  private static String text(@Nullable JsonNode value) {
    if (value == null || value.isNull()) {
      return "";
    }
    return value.isString() ? value.asString() : value.toString();
  }

  private static JsonNode tree(@Nullable Object value) {
    return Json.tree(value == null ? "" : value);
  }

  private static String table(List<Map<String, JsonNode>> rows) {
    Set<String> columns = new LinkedHashSet<>();
    rows.forEach(row -> columns.addAll(row.keySet()));
    StringBuilder csv = new StringBuilder();
    line(csv, columns.stream().map(RunExport::cell).toList());
    for (Map<String, JsonNode> row : rows) {
      List<String> cells = new ArrayList<>();
      for (String column : columns) {
        cells.add(cell(text(row.get(column))));
      }
      line(csv, cells);
    }
    return csv.toString();
  }

  private static void line(StringBuilder csv, List<String> cells) {
    csv.append(String.join(",", cells)).append("\r\n"); // as in RFC 4180
  }

  private static String cell(String text) {
    boolean plain = text.chars().noneMatch(c -> c == ',' || c == '"' || c == '\n' || c == '\r');
    return plain ? text : '"' + text.replace("\"", "\"\"") + '"';
  }

  /// Writes a folder for `tensorboard --logdir`: a folder for each run, with one event file.
  ///
  /// @return the files
  public static List<Path> tensorBoard(List<StoredRun> runs, Path out, boolean overwrite) {
    Map<String, StoredRun> named = new LinkedHashMap<>();
    for (StoredRun run : runs) {
      String name = run.summary().name();
      boolean taken = runs.stream().filter(r -> r.summary().name().equals(name)).count() > 1;
      named.put(taken ? name + "-" + run.summary().id().replace(':', '-') : name, run);
    }
    List<String> names =
        named.entrySet().stream()
            .map(e -> e.getKey() + "/" + TensorBoardEvents.fileName(e.getValue()))
            .toList();
    folder(out, names, overwrite);
    List<Path> files = new ArrayList<>();
    named.forEach(
        (name, run) -> {
          Path file = out.resolve(name).resolve(TensorBoardEvents.fileName(run));
          OutFolder.make(file.getParent());
          OutFolder.place(file, TensorBoardEvents.of(run));
          files.add(file);
        });
    return files;
  }

  /// Writes a text file.
  ///
  /// @param flag that names the file, for messages
  /// @throws InputException if the file cannot be written, or exists without `overwrite`
  public static Path file(String flag, Path out, String text, boolean overwrite) {
    check(flag, out, overwrite);
    OutFolder.make(out.toAbsolutePath().getParent());
    OutFolder.place(out, text);
    return out;
  }

  private static void check(String flag, Path out, boolean overwrite) {
    if (Files.isDirectory(out)) {
      throw new InputException(flag + " " + out + " is a folder; give the name of a file");
    }
    if (Files.exists(out) && !overwrite) {
      throw new InputException(
          flag + " " + out + " exists; give another name, or --overwrite to replace it");
    }
    Path parent = out.toAbsolutePath().getParent();
    OutFolder.checkPlace(flag, parent == null ? out : parent);
  }

  private static void folder(Path out, List<String> names, boolean overwrite) {
    OutFolder.checkPlace(out);
    for (String name : names) {
      if (Files.exists(out.resolve(name)) && !overwrite) {
        throw new InputException(
            "--out %s holds %s; give another folder, or --overwrite to replace it"
                .formatted(out, name));
      }
    }
    OutFolder.make(out);
  }
}
