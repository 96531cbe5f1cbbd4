package dev.nudge.eval.suite;

import dev.nudge.data.rows.ContentDigest;
import dev.nudge.data.source.Pick;
import dev.nudge.data.source.RowSource;
import dev.nudge.data.source.SourceFiles;
import dev.nudge.data.source.Sources;
import dev.nudge.eval.leak.LeakReport;
import dev.nudge.eval.leak.LeakScan;
import dev.nudge.eval.run.ModelResults;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// The texts of a training set, to be scanned for evaluation documents.
///
/// Every text of a row is scanned, of any length, column or role. Malformed rows and rows without
/// text, which training would reject, are counted and skipped.
record TrainingTexts(List<Path> files) {
  /// @param names files, folders and globs, as for `train --data`
  /// @throws InputException if a file is missing or cannot be read to its end
  static TrainingTexts of(List<String> names) {
    if (names.isEmpty()) {
      return new TrainingTexts(List.of());
    }
    List<Path> files =
        SourceFiles.of(names, Pick.TRAIN).stream().map(SourceFiles.Found::file).toList();
    for (Path file : files) {
      try (RowSource source = Sources.open(file)) {
        while (source.next() != null) {
          // read to the end, so that errors are reported before inference
        }
      } catch (IOException e) {
        throw unreadable(file, e);
      }
    }
    return new TrainingTexts(files);
  }

  private static InputException unreadable(Path file, IOException e) {
    return new InputException(
        "--train-data %s cannot be read: %s".formatted(file, OutFolder.reason(e)), e);
  }

  boolean isEmpty() {
    return files.isEmpty();
  }

  /// Returns a digest of the files' content, computed as for a training run's data.
  String digest() {
    return ContentDigest.of(files.stream().map(Path::toString).toList());
  }

  /// Scans for the documents of each task.
  ///
  /// @param warnings receives the number of skipped rows
  Map<String, LeakReport> look(ModelResults model, Consumer<String> warnings) {
    Map<String, LeakScan> scans = new LinkedHashMap<>();
    model.tasks().forEach((name, task) -> scans.put(name, new LeakScan(DocumentTexts.of(task))));
    files.forEach(file -> read(file, scans.values()));
    Map<String, LeakReport> reports = new LinkedHashMap<>();
    scans.forEach((name, scan) -> reports.put(name, scan.report()));
    long unread = reports.values().stream().mapToLong(LeakReport::unread).max().orElse(0);
    if (unread > 0) {
      warnings.accept(
          "%s of --train-data have no text that could be looked at"
              .formatted(Count.of(unread, "row")));
    }
    return reports;
  }

  private static void read(Path file, Collection<LeakScan> scans) {
    try (RowSource source = Sources.open(file)) {
      for (RowSource.Piece piece = source.next(); piece != null; piece = source.next()) {
        List<String> texts = texts(piece);
        if (texts.isEmpty()) {
          scans.forEach(LeakScan::unread);
        } else {
          scans.forEach(scan -> scan.row(texts));
        }
      }
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  /// All texts of a row; empty if it cannot be read.
  private static List<String> texts(RowSource.Piece piece) {
    if (piece.problem() != null) {
      return List.of();
    }
    try {
      return texts(Json.parse(piece.text()));
    } catch (JacksonException e) {
      return List.of();
    }
  }

  /// All non-blank texts anywhere in a value.
  static List<String> texts(JsonNode node) {
    List<String> texts = new ArrayList<>();
    collect(node, texts);
    return texts;
  }

  private static void collect(JsonNode node, List<String> to) {
    if (node.isString() && !node.stringValue().isBlank()) {
      to.add(node.stringValue());
    }
    node.forEach(child -> collect(child, to));
  }
}
