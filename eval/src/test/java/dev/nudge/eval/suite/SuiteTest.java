package dev.nudge.eval.suite;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Backends;
import dev.nudge.Goldens;
import dev.nudge.eval.leak.LeakKind;
import dev.nudge.eval.leak.LeakReport;
import dev.nudge.eval.run.Evaluation;
import dev.nudge.eval.task.TaskTexts;
import dev.nudge.format.Json;
import dev.nudge.machine.Machine;
import dev.nudge.registry.Note;
import dev.nudge.registry.Registry;
import dev.nudge.settings.InputException;
import dev.nudge.settings.NudgeException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.verb.EvaluateSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// Evaluates a tiny model by a policy.
class SuiteTest {
  private static final Path MODEL = Goldens.MODEL;
  private static final Machine MACHINE = new Machine(2, 4L << 30, Backends.cache(), "test");

  private static final String QUIZ =
      """
      task: quiz
      dataset_path: json
      dataset_kwargs: {data_files: {test: quiz.jsonl}}
      test_split: test
      output_type: multiple_choice
      doc_to_text: "{{q}}"
      doc_to_choice: [" pump", " valve"]
      doc_to_target: label
      metric_list: [{metric: acc}]
      """;

  @TempDir Path folder;

  private EvaluateSettings settings(Map<String, Object> more) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("model", MODEL);
    values.put("compute", "fp32");
    values.put("tasks", List.of("quiz"));
    values.put("tasks_dir", folder.toString());
    values.put("out", folder.resolve("out"));
    values.putAll(more);
    return EvaluateSettings.of(values);
  }

  private JsonNode digests() {
    EvaluateSettings settings =
        settings(Map.of("model", folder.resolve("model"), "policy", folder.resolve("policy.yaml")));
    Suite.run(settings, MACHINE, new Evaluation.Watcher() {});
    return Json.read(folder.resolve("out/gate.json")).path("digests");
  }

  @Test
  void aVerdictHangsOnHowTheModelComputes() throws IOException {
    Path model = Files.createDirectories(folder.resolve("model"));
    try (Stream<Path> files = Files.list(MODEL)) {
      for (Path file : files.toList()) {
        Files.copy(file, model.resolve(file.getFileName()));
      }
    }
    Files.writeString(folder.resolve("quiz.jsonl"), "{\"q\": \"the pump\", \"label\": 0}\n");
    Files.writeString(folder.resolve("quiz.yaml"), QUIZ);
    Files.writeString(
        folder.resolve("policy.yaml"),
        "floor: {task: quiz, metric: acc, at_least: 0, judged_by: point}\n");
    JsonNode first = digests();
    assertThat(first.path("settings").path("config").asString()).startsWith("sha256:");
    assertThat(digests()).isEqualTo(first);
    Path config = model.resolve("config.json");
    String text = Files.readString(config);
    String other = text.replaceAll("(\"rms_norm_eps\": *)[^,\\s]+", "$10.5");
    assertThat(other).isNotEqualTo(text);
    Files.writeString(config, other);
    JsonNode changed = digests();
    assertThat(changed.path("base")).isEqualTo(first.path("base")); // the same weights
    assertThat(changed.path("settings")).isNotEqualTo(first.path("settings"));
  }

  @Test
  void aBrokenTrainingRowIsPassedOverAndAFileThatCannotBeReadIsToldFirst() throws IOException {
    Files.writeString(
        folder.resolve("quiz.jsonl"), "{\"q\": \"the pump\", \"goal\": \"pump\", \"label\": 0}\n");
    Files.writeString(
        folder.resolve("quiz.yaml"),
        TaskTexts.with(QUIZ, "doc_to_text: Say {{q}}!") + "doc_to_decontamination_query: goal\n");
    Path train = folder.resolve("train.jsonl");
    Files.writeString(train, "{broken\n{\"text\": \"Say the pump!\"}\n");
    EvaluateSettings settings = settings(Map.of("train_data", List.of(train.toString())));
    List<String> warnings = new ArrayList<>();
    Suite.Judged judged = Suite.evaluate(settings, MACHINE, warnings::add);
    assertThat(warnings).contains("1 row of --train-data have no text that could be looked at");
    // by its prompt, though the task names a column that no row is
    JsonNode summary = Json.tree(judged.summary());
    assertThat(summary.path("leaks").path("quiz").path("found").intValue()).isEqualTo(1);
    assertThat(summary.path("leaks").path("quiz").path("exact").intValue()).isEqualTo(1);
    assertThat(summary.path("leaks").path("quiz").path("ids").path(0).asString()).isEqualTo("0");
    assertThat(summary.path("calibration").path("quiz").path("ece").doubleValue())
        .isBetween(0.0, 1.0);
    Path parquet = Files.writeString(folder.resolve("train.parquet"), "PAR1 and nothing");
    EvaluateSettings other =
        settings(Map.of("train_data", List.of(parquet.toString()), "out", folder.resolve("other")));
    assertThatThrownBy(() -> Suite.evaluate(other, MACHINE, warnings::add))
        .isInstanceOf(NudgeException.class);
    assertThat(folder.resolve("other")).doesNotExist();
  }

  @Test
  void theFrontDoorTakesAdaptersByTheirNamesInARegistry() throws IOException {
    Files.writeString(folder.resolve("quiz.jsonl"), "{\"q\": \"the pump\", \"label\": 0}\n");
    Files.writeString(folder.resolve("quiz.yaml"), QUIZ);
    Path registry = folder.resolve("registry");
    Path adapter = Goldens.ADAPTER;
    Registry.open(registry).push("pumps", adapter, Note.by("tester", null));
    EvaluateSettings settings =
        settings(Map.of("adapter", "pumps:1", "registry", registry, "any_base", true));
    assertThat(Suite.evaluate(settings, MACHINE, warning -> {}).outcome().main().tasks())
        .containsOnlyKeys("quiz");
  }

  @Test
  void aPolicyThatAsksForLeaksNeedsTheTrainingSetFirst() throws IOException {
    Files.writeString(folder.resolve("quiz.jsonl"), "{\"q\": \"the pump\", \"label\": 0}\n");
    Files.writeString(folder.resolve("quiz.yaml"), QUIZ);
    Path policy = Files.writeString(folder.resolve("policy.yaml"), "leakage: {at_most: 0}\n");
    EvaluateSettings settings = settings(Map.of("policy", policy));
    assertThatThrownBy(() -> Suite.run(settings, MACHINE, new Evaluation.Watcher() {}))
        .isInstanceOf(InputException.class)
        .hasMessage(
            policy
                + ": leakage asks what stands in the training set; give --train-data, or leave it"
                + " out");
    assertThat(folder.resolve("out")).doesNotExist();
  }

  /// Whoever looks into the folder of an evaluation that was stopped finds no PASS of another.
  @Test
  void anEvaluationThatBeginsTakesTheVerdictAndReportBeforeAway() throws IOException {
    Files.writeString(folder.resolve("quiz.jsonl"), "{\"q\": \"the pump\", \"label\": 0}\n");
    Files.writeString(folder.resolve("quiz.yaml"), QUIZ);
    Path policy =
        Files.writeString(
            folder.resolve("policy.yaml"),
            "floor: {task: quiz, metric: acc, at_least: 0, judged_by: point}\n");
    EvaluateSettings settings = settings(Map.of("policy", policy));
    Suite.run(settings, MACHINE, new Evaluation.Watcher() {});
    List<String> names = List.of("gate.json", "gate.xml", "report.html", "report.md");
    assertThat(names).allSatisfy(name -> assertThat(folder.resolve("out").resolve(name)).exists());
    Evaluation.Watcher stopped =
        new Evaluation.Watcher() {
          @Override
          public void begins(String type) {
            throw new RunException("stopped");
          }
        };
    assertThatThrownBy(() -> Suite.run(settings, MACHINE, stopped)).hasMessage("stopped");
    assertThat(names)
        .allSatisfy(name -> assertThat(folder.resolve("out").resolve(name)).doesNotExist());
    assertThat(folder.resolve("out").resolve(Evaluation.ANSWERS)).exists();
  }

  /// Questions of a few characters, a task that asks them behind a template, and one whose question
  /// has no column to itself but what is an answer too.
  @Test
  void aShortQuestionIsLookedForToTheLetterAndAnAnswerIsNot() throws IOException {
    Files.writeString(
        folder.resolve("quiz.jsonl"),
        """
        {"q": "2+2=?", "c": ["yes", "no"], "label": 0}
        {"q": "天空是什么颜色", "c": ["yes", "no"], "label": 1}
        {"q": "2-2=?", "c": ["yes", "no"], "label": 1}
        {"q": "no", "c": ["yes", "no"], "label": 1}
        {"q": "France", "c": ["yes", "no"], "label": 1}
        """);
    String choices = TaskTexts.with(QUIZ, "doc_to_choice: c");
    Files.writeString(
        folder.resolve("quiz.yaml"), TaskTexts.with(choices, "doc_to_text: \"Q: {{q}}\\nA:\""));
    Files.writeString(
        folder.resolve("loud.yaml"),
        TaskTexts.with(choices, "doc_to_text: Is {{q|length}} odd, yes or no?")
            .replace("task: quiz", "task: loud"));
    Files.writeString(
        folder.resolve("bare.yaml"),
        TaskTexts.with(choices, "doc_to_text: \"{{q}}\"").replace("task: quiz", "task: bare"));
    Path train = folder.resolve("train.jsonl");
    Files.writeString(
        train,
        """
        {"prompt": "2+2=?", "completion": "yes"}
        {"prompt": "Q: 天空是什么颜色？", "completion": "no"}
        {"prompt": "y", "completion": "n"}
        {"prompt": "France", "completion": "euro"}
        """);
    Files.writeString(folder.resolve("policy.yaml"), "leakage: {at_most: 0.1, kinds: [exact]}\n");
    EvaluateSettings settings =
        settings(
            Map.of(
                "tasks",
                List.of("quiz", "loud", "bare"),
                "train_data",
                List.of(train.toString()),
                "policy",
                folder.resolve("policy.yaml")));
    Suite.Judged judged = Suite.run(settings, MACHINE, new Evaluation.Watcher() {});
    LeakReport quiz = requireNonNull(judged.leaks().get("quiz"));
    assertThat(quiz.ids()).containsExactlyInAnyOrder("0", "1");
    assertThat(quiz.counts()).containsEntry(LeakKind.EXACT, 1L).containsEntry(LeakKind.RUNS, 1L);
    assertThat(quiz.rows()).isEqualTo(4);
    assertThat(quiz.unread()).isZero();
    assertThat(requireNonNull(judged.leaks().get("loud")).leaks()).isEmpty();
    // the whole prompt counts, however short, but for one that is an answer: no
    assertThat(requireNonNull(judged.leaks().get("bare")).ids())
        .containsExactlyInAnyOrder("0", "1", "4");
    assertThat(requireNonNull(judged.gate()).rules())
        .extracting(rule -> rule.rule().name() + " " + rule.verdict())
        .containsExactlyInAnyOrder("leakage quiz FAIL", "leakage loud PASS", "leakage bare FAIL");
  }
}
