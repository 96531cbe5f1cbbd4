package dev.nudge.eval.suite;

import dev.nudge.data.rows.ContentDigest;
import dev.nudge.data.source.Pick;
import dev.nudge.data.source.RowSource;
import dev.nudge.data.source.SourceFiles;
import dev.nudge.data.source.Sources;
import dev.nudge.eval.leak.Item;
import dev.nudge.eval.leak.LeakReport;
import dev.nudge.eval.leak.LeakScan;
import dev.nudge.eval.run.ModelResults;
import dev.nudge.eval.run.TaskScores;
import dev.nudge.eval.task.Sample;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
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

  /// The texts of a task's documents to look for in the training set.
  ///
  /// They are the question without shots; the column that the task file names in
  /// `doc_to_decontamination_query`, or else the longest column of at least [#ASKS] words in the
  /// question, whatever its template; and an answer of at least [#OWN] words.
  ///
  /// A question or column is left out if it equals a short answer (under [#OWN] words) of any
  /// document, and a column if more than a tenth of the documents (and more than five) share its
  /// text: `yes`, `B` or a subject name occurs in any training set and says nothing of one
  /// document.
  /// A column of one or two words is left out too, such as the France of "the capital of France".
  private static final class DocumentTexts {
    private static final int OWN = 13; // words of an answer that is no other document's
    private static final int ASKS = 3; // words of a column that may be a question by itself
    private static final int LEAST_COMMON = 5; // documents

    private final @Nullable String named;
    private final Set<String> answers = new HashSet<>(); // of a few words, of all documents
    private final Map<String, Integer> columns = new HashMap<>(); // how many documents have it
    private final int common; // more documents than that

    private DocumentTexts(@Nullable String named, Collection<Sample> samples) {
      this.named = named;
      for (Sample sample : samples) {
        List<String> own = new ArrayList<>(sample.choices());
        own.addAll(TrainingTexts.texts(sample.target()));
        own.stream().map(String::strip).filter(text -> !isOwn(text)).forEach(answers::add);
        Set.copyOf(TrainingTexts.texts(sample.doc()))
            .forEach(text -> columns.merge(text, 1, Integer::sum));
      }
      this.common = Math.max(LEAST_COMMON, samples.size() / 10);
    }

    /// The leak scan items of a task.
    static List<Item> of(TaskScores task) {
      Map<Integer, Sample> samples = new LinkedHashMap<>(); // one comes once for each filter
      task.samples().forEach(s -> samples.putIfAbsent(s.sample().id(), s.sample()));
      Object query = task.task().config().written().get("doc_to_decontamination_query");
      DocumentTexts all =
          new DocumentTexts(query instanceof String text ? text : null, samples.values());
      return samples.values().stream()
          .map(
              sample ->
                  new Item(
                      Integer.toString(sample.id()),
                      all.texts(sample, task.task().question(sample.doc()))))
          .toList();
    }

    private List<String> texts(Sample sample, String question) {
      List<String> texts = new ArrayList<>();
      if (!answers.contains(question.strip())) {
        texts.add(question);
      }
      JsonNode doc = sample.doc();
      if (named != null && doc.has(named)) {
        texts.add(String.join("\n", TrainingTexts.texts(doc.path(named))));
      } else {
        TrainingTexts.texts(doc).stream()
            .filter(text -> question.contains(text) && !question.equals(text))
            .filter(text -> !answers.contains(text.strip()))
            .filter(text -> columns.getOrDefault(text, 0) <= common)
            .filter(text -> LeakScan.words(text) >= ASKS)
            .max(Comparator.comparingInt(String::length))
            .ifPresent(texts::add);
      }
      JsonNode target = sample.target();
      if (target.isString() && isOwn(target.stringValue())) {
        texts.add(target.stringValue());
      }
      return texts;
    }

    private static boolean isOwn(String answer) {
      return LeakScan.words(answer) >= OWN;
    }
  }
}
