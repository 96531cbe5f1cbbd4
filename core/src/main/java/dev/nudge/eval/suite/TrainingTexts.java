package dev.nudge.eval.suite;

import dev.nudge.data.source.Pick;
import dev.nudge.data.source.RowSource;
import dev.nudge.data.source.SourceFiles;
import dev.nudge.data.source.Sources;
import dev.nudge.eval.leak.Item;
import dev.nudge.eval.leak.LeakReport;
import dev.nudge.eval.leak.LeakScan;
import dev.nudge.eval.run.ModelResults;
import dev.nudge.eval.run.TaskScores;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// The texts of a training set, in which the documents of tasks are looked for.
///
/// Of a row every text is looked at by itself, whatever its columns and messages are called; of a
/// document its question as it is asked without shots, and its longest text. Rows that are none are
/// passed over: training would have refused them.
record TrainingTexts(List<Path> files) {
  private static final int SHORTEST = 12; // characters of a text that says anything

  /// @param names files, folders and globs, as `train --data` takes them
  /// @throws InputException where one is not there
  static TrainingTexts of(List<String> names) {
    if (names.isEmpty()) {
      return new TrainingTexts(List.of());
    }
    return new TrainingTexts(
        SourceFiles.of(names, Pick.TRAIN).stream().map(SourceFiles.Found::file).toList());
  }

  boolean isEmpty() {
    return files.isEmpty();
  }

  /// Looks for the documents of each task.
  Map<String, LeakReport> look(ModelResults model) {
    Map<String, LeakScan> scans = new LinkedHashMap<>();
    model.tasks().forEach((name, task) -> scans.put(name, new LeakScan(items(task))));
    for (Path file : files) {
      read(file, scans);
    }
    Map<String, LeakReport> reports = new LinkedHashMap<>();
    scans.forEach((name, scan) -> reports.put(name, scan.report()));
    return reports;
  }

  private static List<Item> items(TaskScores task) {
    List<Item> items = new ArrayList<>();
    Set<Integer> seen = new LinkedHashSet<>();
    for (TaskScores.Scored scored : task.samples()) {
      if (seen.add(scored.sample().id())) {
        JsonNode doc = scored.sample().doc();
        String question = task.task().question(doc);
        String longest =
            texts(doc).stream()
                .filter(question::contains)
                .max(java.util.Comparator.comparingInt(String::length))
                .orElse(question);
        items.add(new Item(Integer.toString(scored.sample().id()), longest));
      }
    }
    return items;
  }

  private static void read(Path file, Map<String, LeakScan> scans) {
    try (RowSource source = Sources.open(file)) {
      for (RowSource.Piece piece = source.next(); piece != null; piece = source.next()) {
        if (piece.problem() == null) {
          List<String> texts = texts(Json.parse(piece.text()));
          scans.values().forEach(scan -> scan.row(texts));
        }
      }
    } catch (IOException | JacksonException e) {
      String reason = e instanceof IOException io ? OutFolder.reason(io) : "a row is no JSON";
      throw new InputException("--train-data %s cannot be read: %s".formatted(file, reason), e);
    }
  }

  /// All texts of a row.
  private static List<String> texts(JsonNode node) {
    List<String> texts = new ArrayList<>();
    collect(node, texts);
    return texts;
  }

  private static void collect(JsonNode node, List<String> to) {
    if (node.isString() && node.stringValue().length() >= SHORTEST) {
      to.add(node.stringValue());
    }
    node.forEach(child -> collect(child, to));
  }
}
