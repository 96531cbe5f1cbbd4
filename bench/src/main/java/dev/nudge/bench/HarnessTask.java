package dev.nudge.bench;

import dev.nudge.bench.measure.EqualRows;
import dev.nudge.format.Json;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/// The tasks of `bench/harness`; their files are in `bench/peer/tasks`.
///
/// Documents are evenly spaced rows of the data sets, which mixes labels that are adjacent in a
/// file.
enum HarnessTask {
  /// PubMedQA, choices of one token.
  ANSWERS(24, 1) {
    @Override
    List<Map<String, Object>> documents(Path data) {
      List<String> choices = List.of("yes", "no", "maybe");
      List<Map<String, Object>> all = new ArrayList<>();
      for (JsonNode row : some(data.resolve(MEDICAL), documents)) {
        Map<String, Object> document = asked(row);
        document.put("label", choices.indexOf(row.path("answer").asString("")));
        all.add(document);
      }
      return all;
    }
  },
  /// PubMedQA, the right conclusion among other abstracts'.
  CONCLUSIONS(12, 3) {
    @Override
    List<Map<String, Object>> documents(Path data) {
      List<JsonNode> rows = some(data.resolve(MEDICAL), documents);
      List<Map<String, Object>> all = new ArrayList<>();
      for (int i = 0; i < rows.size(); i++) {
        List<String> choices = new ArrayList<>();
        for (int j = 0; j < CHOICES; j++) {
          // the right one is the choice i % CHOICES
          int of = Math.floorMod(i + j - i % CHOICES, rows.size());
          choices.add(rows.get(of).path("long_answer").asString(""));
        }
        Map<String, Object> document = asked(rows.get(i));
        document.put("choices", choices);
        document.put("label", i % CHOICES);
        all.add(document);
      }
      return all;
    }
  },
  /// CLINC150's domains, with twenty shots.
  SHOTS(6, 3) {
    @Override
    List<Map<String, Object>> documents(Path data) {
      return domains(some(data.resolve(SUPPORT).resolve("test.jsonl"), documents));
    }

    @Override
    void write(Path data, Path folder) {
      super.write(data, folder);
      lines(
          folder.resolve("shots-train.jsonl"),
          domains(some(data.resolve(SUPPORT).resolve("train.jsonl"), FEW)));
    }
  },
  /// Concatenated abstracts of PubMedQA.
  PROSE(12, 1.5) {
    @Override
    List<Map<String, Object>> documents(Path data) {
      List<JsonNode> rows = some(data.resolve(MEDICAL), documents * ABSTRACTS);
      List<Map<String, Object>> all = new ArrayList<>();
      for (int i = 0; i < documents; i++) {
        StringBuilder text = new StringBuilder();
        for (JsonNode row : rows.subList(i * ABSTRACTS, (i + 1) * ABSTRACTS)) {
          text.append(row.path("context").asString("")).append("\n\n");
        }
        all.add(Map.of("text", text.toString().strip()));
      }
      return all;
    }
  };

  private static final String MEDICAL = "medical-pubmedqa/test.jsonl";
  private static final String SUPPORT = "support-clinc150";
  private static final int CHOICES = 4;
  private static final int ABSTRACTS = 4;
  private static final int FEW = 20;

  /// The domains of CLINC150 in the order of the task's choices.
  private static final List<String> DOMAINS =
      List.of(
          "banking",
          "credit_cards",
          "kitchen_and_dining",
          "home",
          "auto_and_commute",
          "travel",
          "utility",
          "work",
          "small_talk",
          "meta",
          "oos");

  /// Document count.
  final int documents;

  private final double wanted;

  HarnessTask(int documents, double wanted) {
    this.documents = documents;
    this.wanted = wanted;
  }

  /// The task file's name.
  String id() {
    return name().toLowerCase(Locale.ROOT);
  }

  /// The required speed ratio against the harness; 1: none is required.
  double wanted() {
    return wanted;
  }

  /// The tasks' names.
  static List<String> ids() {
    return Arrays.stream(values()).map(HarnessTask::id).toList();
  }

  abstract List<Map<String, Object>> documents(Path data);

  /// Writes the documents for both sides.
  void write(Path data, Path folder) {
    lines(folder.resolve(id() + ".jsonl"), documents(data));
  }

  private static List<Map<String, Object>> domains(List<JsonNode> rows) {
    List<Map<String, Object>> all = new ArrayList<>();
    for (JsonNode row : rows) {
      int label = DOMAINS.indexOf(row.path("domain").asString(""));
      if (label < 0) {
        throw new IllegalStateException(SUPPORT + " has a domain " + row.path("domain"));
      }
      Map<String, Object> document = new LinkedHashMap<>();
      document.put("text", row.path("text").asString(""));
      document.put("label", label);
      all.add(document);
    }
    return all;
  }

  private static Map<String, Object> asked(JsonNode row) {
    Map<String, Object> document = new LinkedHashMap<>();
    document.put("context", row.path("context").asString(""));
    document.put("question", row.path("question").asString(""));
    return document;
  }

  /// Picks `count` evenly spaced rows.
  private static List<JsonNode> some(Path file, int count) {
    List<String> lines = EqualRows.lines(file);
    if (lines.size() < count) {
      throw new IllegalStateException(
          file + " has " + lines.size() + " rows; " + count + " are needed");
    }
    List<JsonNode> rows = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      rows.add(Json.parse(lines.get((int) ((long) i * lines.size() / count))));
    }
    return rows;
  }

  private static void lines(Path file, List<Map<String, Object>> rows) {
    EqualRows.write(file, rows.stream().map(Json::line).toList());
  }
}
