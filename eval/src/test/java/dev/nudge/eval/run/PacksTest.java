package dev.nudge.eval.run;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Backends;
import dev.nudge.Goldens;
import dev.nudge.eval.Interval;
import dev.nudge.eval.Resampled;
import dev.nudge.eval.gate.Measured;
import dev.nudge.eval.task.Packs;
import dev.nudge.format.Json;
import dev.nudge.machine.Machine;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.EvaluateSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// Runs retention on its own documents, and looks at the files that come with the library; the
/// domains are asked in [DomainPacksTest].
class PacksTest {
  private static final Path MODEL = Goldens.MODEL;
  private static final Path RESOURCES = Path.of("src/main/resources/dev/nudge/eval/task/packs");

  @TempDir Path folder;

  private Outcome run(List<String> tasks, Map<String, Object> more) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("model", MODEL);
    values.put("compute", "fp32");
    values.put("tasks", tasks);
    values.put("limit", 3);
    values.put("out", folder.resolve("out"));
    values.putAll(more);
    Machine machine = new Machine(2, 4L << 30, Backends.cache(), "test");
    return Evaluation.of(EvaluateSettings.of(values), machine, 10, new Evaluation.Watcher() {});
  }

  private static Set<String> below(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      Set<String> names = new TreeSet<>();
      files
          .filter(Files::isRegularFile)
          .forEach(file -> names.add(folder.relativize(file).toString().replace('\\', '/')));
      names.remove("index.txt");
      return names;
    }
  }

  @Test
  void everyFileOfThePacksIsInTheFolderThatTasksAreFoundIn() throws IOException {
    Path packs = Packs.folder(folder.resolve("cache"));
    assertThat(below(packs)).isEqualTo(below(RESOURCES)).contains("retention/knowledge.jsonl");
    assertThat(Packs.folder(folder.resolve("cache"))).isEqualTo(packs);
    try (Stream<Path> files = Files.list(folder.resolve("cache"))) {
      assertThat(files).containsExactly(packs);
    }
  }

  @Test
  void retentionBringsItsDocuments() {
    Outcome outcome = run(List.of("retention"), Map.of());
    Map<String, TaskScores> tasks = outcome.main().tasks();
    assertThat(tasks.keySet())
        .containsExactly(
            "retention_knowledge", "retention_instructions", "retention_text", "retention_prose");
    assertThat(scores(tasks, "retention_knowledge")).containsKeys("acc,none", "acc_norm,none");
    assertThat(scores(tasks, "retention_instructions"))
        .containsKeys("prompt_level_strict_acc,none", "inst_level_loose_acc,none");
    assertThat(requireNonNull(scores(tasks, "retention_text").get("bits_per_byte,none")).value())
        .isBetween(1.0, 30.0);
  }

  /// The ten of `retention_text` are too few for a bound, and stay as they are for results that
  /// were written with them.
  @Test
  void theTextsOfRetentionProseAreEnoughForABound() {
    Path adapter = Goldens.ADAPTER;
    Map<String, TaskScores> tasks =
        run(List.of("retention_text", "retention_prose"), Map.of("adapter", adapter, "limit", 1000))
            .main()
            .tasks();
    for (String metric : List.of("bits_per_byte,none", "kl_from_base,none")) {
      Interval few =
          Measured.of(requireNonNull(scores(tasks, "retention_text").get(metric))).interval(0.9);
      assertThat(few.low()).as(metric).isEqualTo(Double.NEGATIVE_INFINITY);
      TaskScores.Score score = requireNonNull(scores(tasks, "retention_prose").get(metric));
      Interval many = Measured.of(score).interval(0.9);
      assertThat(many.low()).as(metric).isGreaterThan(0).isLessThan(score.value());
      assertThat(many.high()).as(metric).isGreaterThan(score.value()).isFinite();
    }
  }

  @Test
  void theTextsOfRetentionAreShortAndNoneComesTwice() throws IOException {
    List<JsonNode> prose = rows("prose.jsonl");
    assertThat(rows("text.jsonl")).hasSize(10); // results that are kept were made with these
    assertThat(prose).hasSizeGreaterThanOrEqualTo(2 * Resampled.FEWEST);
    Set<String> sentences = new HashSet<>();
    for (JsonNode row : Stream.concat(prose.stream(), rows("text.jsonl").stream()).toList()) {
      String text = row.path("text").asString();
      assertThat(text.split(" ").length).as(text).isBetween(50, 120);
      for (String sentence : text.split("(?<=[.:;?!]) ")) {
        assertThat(sentences.add(sentence)).as(sentence).isTrue();
      }
    }
  }

  private static Map<String, TaskScores.Score> scores(Map<String, TaskScores> tasks, String task) {
    return requireNonNull(tasks.get(task)).scores();
  }

  @Test
  void theDocumentsOfRetentionAreWhole() throws IOException {
    Set<String> questions = new HashSet<>();
    Map<Integer, Integer> places = new HashMap<>();
    for (JsonNode row : rows("knowledge.jsonl")) {
      Set<String> choices = new HashSet<>();
      row.path("choices").forEach(choice -> choices.add(choice.asString()));
      assertThat(choices).as(row.toString()).hasSize(4);
      assertThat(questions.add(row.path("question").asString())).isTrue();
      places.merge(row.path("answer").asInt(), 1, Integer::sum);
    }
    assertThat(questions).hasSizeGreaterThan(50);
    assertThat(places.keySet()).containsExactlyInAnyOrder(0, 1, 2, 3);
    assertThat(places.values())
        .allMatch(n -> n > questions.size() / 8); // no place is the usual one
    List<JsonNode> instructions = rows("instructions.jsonl");
    assertThat(instructions).hasSizeGreaterThan(20);
    for (JsonNode row : instructions) {
      DocumentMetric asked = new DocumentMetric("a text", row, row.toString());
      assertThat(asked.of("inst_level_strict_acc")).isNotNull(); // each instruction is known
      assertThat(row.path("kwargs").size()).isEqualTo(row.path("instruction_id_list").size());
    }
  }

  private static List<JsonNode> rows(String name) throws IOException {
    return Files.readAllLines(RESOURCES.resolve("retention").resolve(name)).stream()
        .map(Json::parse)
        .toList();
  }

  @Test
  void aDomainWithoutItsDocumentsSaysWhereTheyAreLookedUp() {
    assertThatThrownBy(() -> run(List.of("legal"), Map.of("data_dir", folder)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("legal-legalbench")
        .hasMessageContaining("--data-dir");
  }

  @Test
  void numbersWithAScaleAndInstructionsAreReadFromTheDocument() {
    JsonNode table =
        Json.parse(
            "{\"answers\": [\"1,310\"], \"scale\": \"thousand\", \"answer_type\": \"arithmetic\"}");
    assertThat(new DocumentMetric("1310 thousand", table, "t").of("tatqa_em"))
        .isEqualTo(new MetricItem.Value(1));
    assertThat(new DocumentMetric("1310 million", table, "t").of("tatqa_em"))
        .isEqualTo(new MetricItem.Value(0));
    JsonNode spans =
        Json.parse(
            "{\"answers\": [\"a b\", \"c\"], \"scale\": \"none\", \"answer_type\": \"span\"}");
    assertThat(new DocumentMetric("c; a b", spans, "t").of("tatqa_f1"))
        .isEqualTo(new MetricItem.Value(1));
    JsonNode told =
        Json.parse(
            "{\"instruction_id_list\": [\"punctuation:no_comma\", \"keywords:existence\"],"
                + " \"kwargs\": [{}, {\"keywords\": [\"hat\"]}]}");
    assertThat(new DocumentMetric("no", told, "t").of("inst_level_strict_acc"))
        .isEqualTo(new MetricItem.Weighted(1, 2));
    assertThat(new DocumentMetric("a hat", told, "t").of("prompt_level_strict_acc"))
        .isEqualTo(new MetricItem.Value(1));
    assertThat(new DocumentMetric("a", told, "t").of("rougeL")).isNull();
    assertThatThrownBy(() -> new DocumentMetric("1", told, "task.yaml").of("tatqa_em"))
        .hasMessage("task.yaml: a document has no column answers, which its metric reads");
  }
}
