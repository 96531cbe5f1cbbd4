package dev.nudge.eval.run;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.Backends;
import dev.nudge.Goldens;
import dev.nudge.eval.run.MetricItem.Chances;
import dev.nudge.eval.run.MetricItem.Labels;
import dev.nudge.eval.run.MetricItem.Texts;
import dev.nudge.eval.run.MetricItem.Value;
import dev.nudge.eval.task.AnswerFilters;
import dev.nudge.eval.task.OutputType;
import dev.nudge.eval.task.Packs;
import dev.nudge.eval.task.PromptStyle;
import dev.nudge.eval.task.Sample;
import dev.nudge.eval.task.Task;
import dev.nudge.eval.task.TaskConfig;
import dev.nudge.eval.task.TaskIndex;
import dev.nudge.eval.task.TaskRequest;
import dev.nudge.eval.task.TaskTree;
import dev.nudge.format.Json;
import dev.nudge.machine.Machine;
import dev.nudge.settings.verb.EvaluateSettings;
import dev.nudge.text.jinja.PythonValues;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.MissingNode;

/// Asks the tasks of the domains about made-up rows in the shape that the packs read, and about the
/// shared data sets where these are there.
class DomainPacksTest {
  private static final List<String> DOMAINS = List.of("legal", "finance", "medical", "support");
  private static final Path MADE = Path.of("src/test/resources/packs");
  private static final Path SHARED = Path.of("../../shared/data");
  private static final Path MODEL = Goldens.MODEL;
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  @TempDir Path folder;
  private TaskTree tree;

  @BeforeEach
  void read() {
    tree = TaskTree.of(TaskIndex.of(List.of(Packs.folder(folder.resolve("cache")))), DOMAINS);
  }

  static Stream<Path> folders() {
    return Stream.of(MADE, SHARED).filter(Files::isDirectory);
  }

  @ParameterizedTest
  @MethodSource("folders")
  void everyTaskOfADomainIsAskedAndHasItsNumbers(Path data) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("model", MODEL);
    values.put("compute", "fp32");
    values.put("tasks", DOMAINS);
    values.put("limit", 3);
    values.put("data_dir", data);
    values.put("out", folder.resolve("out"));
    Machine machine = new Machine(2, 4L << 30, Backends.cache(), "test");
    Map<String, TaskScores> tasks =
        Evaluation.of(EvaluateSettings.of(values), machine, 10, new Evaluation.Watcher() {})
            .main()
            .tasks();
    Map<String, Set<String>> numbers = new TreeMap<>();
    tasks.forEach(
        (name, task) -> {
          assertThat(task.samples()).as(name).hasSize(3);
          numbers.put(name, new TreeSet<>(task.scores().keySet()));
          task.scores().forEach((key, score) -> checkRange(name, key, score.value()));
        });
    assertThat(numbers)
        .isEqualTo(
            Map.of(
                "legal_questions", Set.of("exact_match,none"),
                "legal_summaries", Set.of("rougeL,none", "rouge1,none", "squad_f1,none"),
                "finance_intents", Set.of("exact_match,none", "squad_f1,none"),
                "finance_tables", Set.of("tatqa_f1,none", "tatqa_em,none"),
                "medical_research", Set.of("acc,none", "macro_f1,none", "brier_score,none"),
                "medical_sections", Set.of("acc,none", "macro_f1,none", "mcc,none"),
                "medical_notes", Set.of("rougeL,none", "rouge1,none"),
                "support_intents", Set.of("exact_match,none"),
                "support_commands", Set.of("exact_match,none", "chrf,none")));
  }

  private static void checkRange(String task, String key, double value) {
    double most = key.startsWith("chrf") ? 100 : key.startsWith("brier") ? 2 : 1;
    assertThat(value).as("%s of %s", key, task).isBetween(key.startsWith("mcc") ? -1.0 : 0, most);
  }

  @Test
  void aPromptIsThisToTheLetter() {
    Map<String, String> prompts = new TreeMap<>();
    Map<String, List<String>> targets = new TreeMap<>();
    for (TaskConfig config : tree.tasks().values()) {
      List<Sample> samples = samples(config, MADE);
      prompts.put(config.name(), samples.getFirst().requests().getFirst().first());
      targets.put(
          config.name(), samples.stream().map(one -> PythonValues.str(one.target())).toList());
    }
    String sold =
        "|  | 2021 | 2020 |\n"
            + "| --- | --- | --- |\n"
            + "| Lamps | $1,250 | $1,000 |\n"
            + "| Shades | 300 | 360 |";
    String talk = "Doctor: Does any medicine give you a rash?\nPatient: Penicillin does.\nSection:";
    assertThat(prompts)
        .isEqualTo(
            Map.of(
                "legal_questions",
                "Does the clause ask for notice in writing?\n\n"
                    + "Clause: The tenant tells the owner by letter, thirty days ahead, before the"
                    + " keys are handed back.\n"
                    + "Label:",
                "legal_summaries",
                "Clause: you keep every right in what you post and grant us none but the right to"
                    + " show it to those you chose.\n"
                    + "In plain English:",
                "finance_intents",
                "Query: Where is the card that I ordered?\nIntent:",
                "finance_tables",
                sold
                    + "\n\n"
                    + "The workshop sells lamps and shades (in thousands).\n\n"
                    + "Shades fell because linen was scarce and dear.\n\n"
                    + "Question: What did lamps bring in 2021?\n"
                    + "Answer:",
                "medical_research",
                "Abstract: METHODS: Sixty people walked for an hour a day, sixty did not.\n\n"
                    + "RESULTS: Walkers slept forty minutes longer.\n"
                    + "Question: Do walkers sleep longer?\n"
                    + "Answer:",
                "medical_sections",
                talk,
                "medical_notes",
                talk + " ALLERGY\nNote:",
                "support_intents",
                "Query: how many ounces are in a pint\nIntent:",
                "support_commands",
                "Weave a pattern of a file (weave)\nCommand:"));
    assertThat(targets)
        .isEqualTo(
            Map.of(
                "legal_questions", List.of("Yes", "No", "Not a claim."),
                "legal_summaries",
                    List.of(
                        "you own what you post.",
                        "your address is erased after a week.",
                        "you can stop the letters."),
                "finance_intents", List.of("card_arrival", "Refund_not_showing_up", "change_pin"),
                "finance_tables", List.of("1,250 thousand", "25 percent", "scarce; dear"),
                "medical_research", List.of("0", "1", "2"),
                "medical_sections", List.of("ALLERGY", "CC", "PASTSURGICAL"),
                "medical_notes",
                    List.of(
                        "Penicillin, which gives a rash.",
                        "Knee pain.",
                        "Tonsillectomy at the age of six.\nNo other surgery."),
                "support_intents",
                    List.of("measurement_conversion", "restaurant_reservation", "oos"),
                "support_commands",
                    List.of(
                        "weave --pattern path/to/file",
                        "weave --print '{{name}}'",
                        "spin --seconds 10")));
  }

  /// What looks like a template in a document is text.
  @Test
  void bracesOfADocumentStayAsTheyAre() {
    assertThat(prompt("finance_intents", 1))
        .isEqualTo("Query: Why is {{my}} refund “pending” for a week?\nIntent:");
    assertThat(prompt("legal_questions", 1))
        .contains("\nClause: The owner may {{enter}} at noon.\n");
    assertThat(prompt("support_commands", 1))
        .isEqualTo("Print a template with `{{name}}` in it (weave)\nCommand:");
  }

  @ParameterizedTest
  @MethodSource("folders")
  void theTargetOfADocumentScoresFullMarksAndAnotherAnswerNone(Path data) {
    int asked = 0;
    for (TaskConfig config : tree.tasks().values()) {
      Task task = Task.load(config, data);
      SampleScorer scorer = scorer(task);
      for (Sample sample : task.samples(400, PromptStyle.PLAIN)) {
        String target = PythonValues.str(sample.target());
        boolean chosen = config.type() == OutputType.MULTIPLE_CHOICE;
        scorer
            .of(
                sample,
                chosen ? likely(sample, 0) : said(config, sample, "  " + target + "\n"),
                MissingNode.getInstance())
            .forEach((name, item) -> check(config.name() + " " + name, item, sample, true));
        scorer
            .of(
                sample,
                chosen ? likely(sample, 1) : said(config, sample, "zzz qqq"),
                MissingNode.getInstance())
            .forEach((name, item) -> check(config.name() + " " + name, item, sample, false));
        asked++;
      }
    }
    assertThat(asked).isGreaterThanOrEqualTo(data == MADE ? 27 : 1000);
  }

  private static void check(String what, MetricItem item, Sample sample, boolean right) {
    String about = what + ", " + sample.target();
    switch (item) {
      case Value value -> assertThat(value.value()).as(about).isEqualTo(right ? 1 : 0);
      case Labels labels -> assertThat(labels.chosen() == labels.gold()).as(about).isEqualTo(right);
      case Chances chances -> {
        double best = chances.chances().stream().mapToDouble(c -> c).max().orElseThrow();
        assertThat(chances.chances().get(chances.gold()) == best).as(about).isEqualTo(right);
      }
      case Texts texts ->
          assertThat(texts.said().equals(texts.reference())).as(about).isEqualTo(right);
      case MetricItem.Weighted weighted -> throw new AssertionError(what + " is " + weighted);
    }
  }

  @ParameterizedTest
  @MethodSource("folders")
  void theColumnsThatATaskFileNamesAreThere(Path data) {
    for (TaskConfig config : tree.tasks().values()) {
      JsonNode metadata = Json.tree(requireNonNull(config.written().get("metadata")));
      Set<String> named = new TreeSet<>();
      metadata.path("subgroups").forEach(column -> named.add(column.asString()));
      if (config.cluster() != null) {
        named.add(config.cluster());
      }
      if (config.written().get("doc_to_decontamination_query") instanceof String column) {
        named.add(column);
      }
      for (Sample sample : samples(config, data)) {
        assertThat(sample.doc().propertyNames()).as(config.name()).containsAll(named);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("folders")
  void aShotOfTheTrainingRowsStandsBeforeTheQuestion(Path data) {
    for (TaskConfig config : tree.tasks().values()) {
      Sample alone = samples(config, data).getFirst();
      Sample shot = samples(config.withFewshot(1), data).getFirst();
      String question = alone.requests().getFirst().first();
      assertThat(shot.requests().getFirst().first())
          .as(config.name())
          .endsWith("\n\n" + question)
          .hasSizeGreaterThan(question.length() + 10);
    }
  }

  /// Holds the made-up rows to the real ones: the same files with the same columns in them.
  @Test
  void madeUpRowsHaveTheColumnsOfTheSharedDataSets() throws IOException {
    assumeTrue(Files.isDirectory(SHARED), "the shared data sets are not here");
    try (Stream<Path> files = Files.walk(MADE)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Set<String> real = names(SHARED.resolve(MADE.relativize(file)));
        assertThat(names(file)).as(file.toString()).isEqualTo(real);
      }
    }
  }

  private static Set<String> names(Path file) throws IOException {
    Set<String> names = new TreeSet<>();
    for (String line : Files.readAllLines(file)) {
      names.addAll(Json.parse(line).propertyNames());
    }
    return names;
  }

  @Test
  void everyDomainIsToldWhereRetentionIsNotAsked() throws IOException {
    TaskIndex index = TaskIndex.of(List.of(Packs.folder(folder.resolve("cache"))));
    Path packs = Path.of("src/main/resources/dev/nudge/eval/task/packs");
    List<String> all = new ArrayList<>();
    try (Stream<Path> folders = Files.list(packs)) {
      folders.filter(Files::isDirectory).forEach(pack -> all.add(pack.getFileName().toString()));
    }
    assertThat(all).hasSize(5).contains("retention");
    for (String pack : all) {
      assertThat(Packs.lacksRetention(TaskTree.of(index, List.of(pack))))
          .as(pack)
          .isEqualTo(!pack.equals("retention"));
      assertThat(Packs.lacksRetention(TaskTree.of(index, List.of(pack, "retention")))).isFalse();
    }
    assertThat(Packs.lacksRetention(TaskTree.of(index, List.of("legal_questions")))).isFalse();
  }

  private String prompt(String task, int document) {
    List<Sample> samples = samples(requireNonNull(tree.tasks().get(task)), MADE);
    return samples.get(document).requests().getFirst().first();
  }

  private static List<Sample> samples(TaskConfig config, Path data) {
    return Task.load(config, data).samples(3, PromptStyle.PLAIN);
  }

  private static SampleScorer scorer(Task task) {
    TaskConfig config = task.config();
    return new SampleScorer(
        task, Metric.of(config.metrics(), config.type(), task.multipleTarget(), line -> {}));
  }

  /// A text as the task's filter leaves it.
  private static List<JsonNode> said(TaskConfig config, Sample sample, String text) {
    ArrayNode answers = NODES.arrayNode().add(text);
    return List.of(AnswerFilters.of(config).apply("none", answers, sample.doc()));
  }

  /// Answers of which the choice so many places behind the right one is the likeliest.
  private static List<JsonNode> likely(Sample sample, int behind) {
    int n = sample.choices().size();
    JsonNode gold = sample.gold();
    int right = gold.isString() ? sample.choices().indexOf(gold.stringValue()) : gold.intValue();
    List<JsonNode> answers = new ArrayList<>();
    for (int i = 0; i < sample.requests().size(); i++) {
      TaskRequest.Likelihood request = (TaskRequest.Likelihood) sample.requests().get(i);
      assertThat(request.continuation()).isEqualTo(" " + sample.choices().get(i));
      answers.add(NODES.arrayNode().add(i == (right + behind) % n ? -1.0 : -9.0).add(false));
    }
    return answers;
  }
}
