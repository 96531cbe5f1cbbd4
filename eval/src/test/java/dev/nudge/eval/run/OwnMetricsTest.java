package dev.nudge.eval.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.eval.task.TaskIndex;
import dev.nudge.eval.task.TaskTree;
import dev.nudge.format.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// Runs tasks whose answers are those of the goldens of metrics, and holds the number that comes
/// out under each metric's name to the tool that owns it. That no two of a task are alike is
/// asserted too: else one could stand for the other.
class OwnMetricsTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final double EXACT = 1e-9;
  private static final Pattern SAID =
      Pattern.compile("(?i)[^;]+(?<!thousand|million|billion|percent)");
  private static final String HEAD =
      """
      task: own
      dataset_path: json
      dataset_kwargs: {data_files: {test: own.jsonl}}
      test_split: test
      """;

  @TempDir Path folder;

  private static JsonNode golden(String name) {
    return Json.read(GOLDEN.resolve(name));
  }

  /// Asserts what a task makes of documents.
  private void check(String task, List<?> documents, Map<String, Double> expected)
      throws IOException {
    Files.writeString(folder.resolve("own.yaml"), HEAD + task);
    Files.writeString(
        folder.resolve("own.jsonl"),
        documents.stream().map(Json::line).collect(Collectors.joining("\n")));
    TaskTree tree = TaskTree.of(TaskIndex.of(List.of(folder)), List.of("own"));
    Map<String, TaskScores.Score> scores =
        MadeAnswers.scored(tree.tasks().values().iterator().next(), folder, 0).scores();
    assertThat(scores).hasSameSizeAs(expected);
    expected.forEach(
        (metric, value) ->
            assertThat(scores)
                .hasEntrySatisfying(
                    metric + ",none",
                    score -> assertThat(score.value()).as(metric).isCloseTo(value, within(EXACT))));
    List<Double> values = expected.values().stream().sorted().toList();
    for (int i = 1; i < values.size(); i++) {
      assertThat(values.get(i) - values.get(i - 1)).as("%s", expected).isGreaterThan(1e-6);
    }
  }

  private static double mean(Collection<? extends Number> values) {
    return values.stream().mapToDouble(Number::doubleValue).average().orElseThrow();
  }

  /// The fewest classes of which all three means of F1 are apart, by scikit-learn.
  private static JsonNode labels() {
    return golden("metrics-labels.json").get("classification").get(7);
  }

  /// A document an item, whose likeliest choice is the predicted class.
  private static List<Map<String, ?>> choices(JsonNode row) {
    int classes = row.get("classes").size();
    List<Map<String, ?>> documents = new ArrayList<>();
    for (int i = 0; i < row.get("gold").size(); i++) {
      int predicted = row.get("predicted").get(i).asInt();
      documents.add(
          Map.of(
              "label", row.get("gold").get(i),
              "names", IntStream.range(0, classes).mapToObj(c -> "class " + c).toList(),
              "logprobs",
                  IntStream.range(0, classes).mapToObj(c -> c == predicted ? -1 : -2.5).toList(),
              "greedy", IntStream.range(0, classes).mapToObj(c -> false).toList()));
    }
    return documents;
  }

  private static final String CHOICES =
      """
      output_type: multiple_choice
      doc_to_text: ""
      doc_to_choice: names
      doc_to_target: label
      """;

  @Test
  void meansOfF1AreScikitLearns() throws IOException {
    JsonNode row = labels();
    check(
        CHOICES
            + "metric_list: [{metric: macro_f1}, {metric: micro_f1}, {metric: weighted_f1},"
            + " {metric: mcc, aggregation: matthews_corrcoef}]",
        choices(row),
        Map.of(
            "macro_f1", row.get("macro").asDouble(),
            "micro_f1", row.get("micro").asDouble(),
            "weighted_f1", row.get("weighted").asDouble(),
            "mcc", row.get("mcc").asDouble()));
  }

  @Test
  void namesOfTheFunctionsOfTaskFilesAreThoseOfTheMeans() throws IOException {
    JsonNode row = labels();
    check(
        CHOICES
            + """
            metric_list:
              - {metric: f1, aggregation: !function utils.macro_f1_score}
              - {metric: mcc, aggregation: !function utils.micro_f1_score}
              - {metric: macro_f1, aggregation: !function utils.weighted_f1_score}
            """,
        choices(row),
        Map.of(
            "f1", row.get("macro").asDouble(),
            "mcc", row.get("micro").asDouble(),
            "macro_f1", row.get("weighted").asDouble()));
    JsonNode two = golden("metrics-labels.json").get("classification").get(1);
    check(
        CHOICES + "metric_list: [{metric: mcc, aggregation: !function utils.agg_f1}]",
        choices(two),
        Map.of("mcc", two.get("each").get(1).asDouble()));
  }

  @Test
  void shortAnswersAndSummariesScoreAsSquadAndRougeHaveThem() throws IOException {
    JsonNode golden = golden("metrics.json");
    List<Map<String, ?>> documents = new ArrayList<>();
    List<Double> squad = new ArrayList<>();
    List<Double> anls = new ArrayList<>();
    List<Double> bleu = new ArrayList<>();
    List<List<Double>> rouge = List.of(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    for (int i = 0; i < golden.get("texts").size(); i++) {
      documents.add(
          Map.of(
              "golds", golden.get("references").get(i),
              "texts", List.of(golden.get("texts").get(i).get(0))));
      squad.add(golden.get("squad").get(i).asDouble());
      anls.add(golden.at("/anls/0/scores").get(i).asDouble());
      bleu.add(golden.at("/google_bleu/0/scores").get(i).asDouble());
      for (int kind = 0; kind < rouge.size(); kind++) {
        rouge.get(kind).add(golden.get("rouge_best").get(i).get(kind).asDouble());
      }
    }
    check(
        """
        doc_to_text: ""
        doc_to_target: golds
        metric_list: [{metric: squad_f1}, {metric: anls}, {metric: google_bleu}, {metric: rouge1}, {metric: rouge2}, {metric: rougeL}]
        """,
        documents,
        Map.of(
            "squad_f1", mean(squad),
            "anls", mean(anls),
            "google_bleu", mean(bleu),
            "rouge1", mean(rouge.get(0)),
            "rouge2", mean(rouge.get(1)),
            "rougeL", mean(rouge.get(2))));
  }

  @Test
  void sentencesInAnotherOrderAreTheSameSummaryForRougeLsumAlone() throws IOException {
    check(
        """
        doc_to_text: ""
        doc_to_target: gold
        metric_list: [{metric: rougeL}, {metric: rougeLsum}]
        """,
        List.of(
            Map.of("gold", "the cat sat\nit rained", "texts", List.of("it rained\nthe cat sat"))),
        Map.of("rougeL", 0.6, "rougeLsum", 1.0));
  }

  @Test
  void scoresOfACorpusAreSacrebleus() throws IOException {
    JsonNode corpus = golden("metrics.json").get("corpora").get(0);
    List<Map<String, ?>> documents = new ArrayList<>();
    for (int i = 0; i < corpus.get("predictions").size(); i++) {
      assertThat(corpus.get("references").get(i).size()).isOne();
      documents.add(
          Map.of(
              "gold", corpus.get("references").get(i).get(0),
              "texts", List.of(corpus.get("predictions").get(i))));
    }
    check(
        """
        doc_to_text: ""
        doc_to_target: gold
        metric_list: [{metric: bleu}, {metric: chrf}, {metric: chrf++}, {metric: ter}]
        """,
        documents,
        Map.of(
            "bleu", corpus.get("bleu").asDouble(),
            "chrf", corpus.get("chrf").asDouble(),
            "chrf++", corpus.get("chrf2").asDouble(),
            "ter", corpus.get("ter").asDouble()));
  }

  /// Of those answers that a text can say: spans without `;`, which do not end with a scale.
  @Test
  void numbersWithAScaleScoreAsInTatQa() throws IOException {
    List<Map<String, ?>> documents = new ArrayList<>();
    List<Double> exact = new ArrayList<>();
    List<Double> f1 = new ArrayList<>();
    for (JsonNode row : golden("numeric-answers.json")) {
      List<String> spans = row.get(3).valueStream().map(JsonNode::asString).toList();
      if (spans.stream().anyMatch(s -> !s.equals(s.strip()) || !SAID.matcher(s).matches())) {
        continue;
      }
      documents.add(
          Map.of(
              "answers",
              row.get(1),
              "scale",
              row.get(2).asString().isEmpty() ? "none" : row.get(2).asString(),
              "answer_type",
              row.get(0).asBoolean() ? "arithmetic" : "span",
              "texts",
              List.of((String.join("; ", spans) + " " + row.get(4).asString()).strip())));
      exact.add(row.get(5).get(0).asDouble());
      f1.add(row.get(5).get(1).asDouble());
    }
    assertThat(documents).hasSizeGreaterThan(500);
    check(
        """
        doc_to_text: ""
        doc_to_target: "{{answers|length}}"
        metric_list: [{metric: tatqa_em}, {metric: tatqa_f1}]
        """,
        documents,
        Map.of("tatqa_em", mean(exact), "tatqa_f1", mean(f1)));
  }

  @Test
  void promptsAndInstructionsThatAreFollowedAreCountedAsInIfEval() throws IOException {
    Map<String, List<JsonNode>> byText = new LinkedHashMap<>();
    golden("instructions.json")
        .get("cases")
        .forEach(
            row -> byText.computeIfAbsent(row.get(2).asString(), t -> new ArrayList<>()).add(row));
    List<Map<String, ?>> documents = new ArrayList<>();
    List<Integer> strict = new ArrayList<>();
    List<Integer> loose = new ArrayList<>();
    List<Integer> allStrict = new ArrayList<>();
    List<Integer> allLoose = new ArrayList<>();
    byText.forEach(
        (text, rows) -> {
          documents.add(
              Map.of(
                  "instruction_id_list", rows.stream().map(row -> row.get(0)).toList(),
                  "kwargs", rows.stream().map(row -> row.get(1)).toList(),
                  "texts", List.of(text)));
          rows.forEach(row -> strict.add(row.get(3).asBoolean() ? 1 : 0));
          rows.forEach(row -> loose.add(row.get(4).asBoolean() ? 1 : 0));
          allStrict.add(rows.stream().allMatch(row -> row.get(3).asBoolean()) ? 1 : 0);
          allLoose.add(rows.stream().allMatch(row -> row.get(4).asBoolean()) ? 1 : 0);
        });
    check(
        """
        doc_to_text: ""
        doc_to_target: "-"
        metric_list:
          - {metric: prompt_level_strict_acc}
          - {metric: prompt_level_loose_acc}
          - {metric: inst_level_strict_acc}
          - {metric: inst_level_loose_acc}
        """,
        documents,
        Map.of(
            "prompt_level_strict_acc", mean(allStrict),
            "prompt_level_loose_acc", mean(allLoose),
            "inst_level_strict_acc", mean(strict),
            "inst_level_loose_acc", mean(loose)));
  }
}
