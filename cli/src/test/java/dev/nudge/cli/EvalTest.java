package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// Drives `nudge eval` on a tiny model.
class EvalTest {
  private static final JsonMapper JSON = new JsonMapper();

  /// A short question in a template, which a training row has too.
  private static final String QUIZ =
      """
      task: asked
      dataset_path: acme/quiz
      test_split: test
      output_type: multiple_choice
      doc_to_text: "Q: {{q}}\\nA:"
      doc_to_choice: ["pump", "the valve"]
      doc_to_target: label
      metric_list: [{metric: acc}]
      """;

  @TempDir Path folder;
  private Place place;

  @BeforeEach
  void write() throws IOException {
    place = Place.in(folder);
    place.write(
        "tasks/quiz.yaml",
        """
        task: quiz
        tag: small
        dataset_path: acme/quiz
        test_split: test
        output_type: multiple_choice
        doc_to_text: "{{q}}"
        doc_to_choice: ["pump", "the valve"]
        doc_to_target: label
        metric_list: [{metric: acc}]
        """);
    place.write(
        "tasks/say.yaml",
        """
        task: say
        tag: small
        dataset_path: acme/quiz
        test_split: test
        doc_to_text: "{{q}}"
        doc_to_target: "{{q}}"
        generation_kwargs: {until: ["."], max_gen_toks: 4}
        filter_list:
          - {name: bare, filter: [{function: remove_whitespace}, {function: take_first}]}
          - {name: large, filter: [{function: uppercase}, {function: take_first}]}
        """);
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < 8; i++) {
      rows.append("{\"q\": \"the pump %d\", \"label\": %d}\n".formatted(i, i % 2));
    }
    place.write("data/acme/quiz/test.jsonl", rows.toString());
  }

  @Test
  void aPolicyGivesTheExitCodeAndTheReportIsThereWithIt() throws IOException {
    place.write(
        "policy.yaml",
        """
        floor: {task: quiz, metric: acc, at_least: 0, judged_by: point}
        """);
    Ran passed =
        place.evaluate("--tasks", "quiz", "--policy", "D/policy.yaml", "--out", "D/good", "--json");
    assertThat(passed.code()).as(passed.err()).isZero();
    assertThat(JSON.readTree(passed.out()).path("gate").asString()).isEqualTo("pass");
    place.write(
        "policy.yaml",
        """
        floor: {task: quiz, metric: acc, at_least: 1.0, judged_by: point}
        """);
    Ran failed = place.evaluate("--tasks", "quiz", "--policy", "D/policy.yaml", "--out", "D/good");
    assertThat(failed.code()).isEqualTo(3);
    assertThat(failed.out()).contains("FAIL: ", "gate: FAIL");
    place.write( // of one document neither half is shown, whatever the answer
        "policy.yaml", "floor: {task: quiz, metric: acc, at_least: 0.5, judged_by: bound}\n");
    Ran open =
        place.evaluate(
            "--tasks", "quiz", "--limit", "1", "--policy", "D/policy.yaml", "--out", "D/good");
    assertThat(open.code()).as(open.err()).isEqualTo(4);
    assertThat(open.out()).contains("INCONCLUSIVE: ", "gate: INCONCLUSIVE: 1 inconclusive");
    place.write("policy.yaml", "improve: {task: quiz, metric: acc}\n");
    Ran wrong = place.evaluate("--tasks", "quiz", "--policy", "D/policy.yaml", "--out", "D/none");
    assertThat(wrong.code()).isEqualTo(2);
    assertThat(folder.resolve("none")).doesNotExist();
    place.write(
        "policy.yaml", "floor: {task: legal, metric: acc, at_least: 0.5, judged_by: point}\n");
    Ran other = place.evaluate("--tasks", "quiz", "--policy", "D/policy.yaml", "--out", "D/none");
    assertThat(other.code()).isEqualTo(2);
    assertThat(other.err()).contains("names the task legal, which is not evaluated");
    assertThat(folder.resolve("none")).doesNotExist(); // before anything was asked
    assertThat(folder.resolve("good/report.html")).exists();
    assertThat(folder.resolve("good/report.md")).exists();
    assertThat(folder.resolve("good/gate.json")).exists();
    assertThat(folder.resolve("good/gate.xml")).exists();
    assertThat(place.evaluate("--tasks", "say", "--out", "D/good").code()).isZero();
    assertThat(folder.resolve("good/gate.json")).doesNotExist(); // it was of other tasks
    assertThat(folder.resolve("good/gate.xml")).doesNotExist();
  }

  @Test
  void documentsThatWereTrainedOnAreTold() throws IOException {
    place.write(
        "train.jsonl",
        "{\"prompt\": \"Q: the pump 3\\nA:\", \"completion\": \" pump\"}\n"
            + "{\"prompt\": \"something else altogether\", \"completion\": \" pump\"}\n");
    place.write(
        "data/acme/quiz/test.jsonl",
        "{\"q\": \"the pump 3\", \"label\": 0}\n"
            + "{\"q\": \"the valve of the new mill\", \"label\": 1}\n");
    place.write("tasks/asked.yaml", QUIZ);
    Ran ran = place.evaluate("--tasks", "asked", "--train-data", "D/train.jsonl", "--out", "D/out");
    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(ran.out()).contains("leaks: asked has 1 of 2 documents in 2 rows of --train-data");
    Ran none = place.evaluate("--tasks", "quiz", "--train-data", "D/nix.jsonl", "--out", "D/other");
    assertThat(none.code()).isEqualTo(2);
    assertThat(folder.resolve("other")).doesNotExist();
  }

  @Test
  void theJsonHasTheHarnesssNamesAndTheFolderItsFiles() {
    Ran ran = place.evaluate("--tasks", "small", "--out", "D/out", "--json");
    assertThat(ran.code()).as(ran.err()).isZero();
    JsonNode results = JSON.readTree(ran.out()).path("results");
    assertThat(results.propertyNames()).containsExactly("quiz", "say");
    assertThat(results.path("quiz").propertyNames()).containsExactly("acc", "acc_stderr");
    assertThat(results.path("say").propertyNames())
        .containsExactly(
            "exact_match",
            "exact_match_stderr",
            "exact_match,bare",
            "exact_match_stderr,bare",
            "exact_match,large",
            "exact_match_stderr,large");
    JsonNode written = JSON.readTree(folder.resolve("out/results.json").toFile());
    assertThat(written.path("results").path("quiz").path("acc,none").doubleValue())
        .isEqualTo(results.path("quiz").path("acc").doubleValue());
    assertThat(folder.resolve("out/samples_quiz.jsonl")).exists();
    assertThat(ran.err()).endsWith("in D/out\n").contains("24 of 24 requests asked in");
  }

  @Test
  void anAdapterStandsBesideItsBaseWithTheirDifference() {
    assertThat(place.train().code()).isZero();
    Ran ran = place.evaluate("--tasks", "quiz", "--adapter", "D/out", "--out", "D/eval");
    assertThat(ran.code()).as(ran.err()).isZero();
    List<String> lines = ran.out().lines().toList();
    assertThat(lines).hasSize(2);
    assertThat(lines.getFirst())
        .matches("task +metric +base +adapter +adapter: difference, 95 %, p");
    assertThat(lines.get(1))
        .matches(
            "quiz +acc +0\\.\\d{4} +0\\.\\d{4} +[+-]0\\.\\d{4} \\[-?\\+?0\\.\\d{4},"
                + " \\+0\\.\\d{4}\\], p [01]\\.\\d{4}, \\d+ fixed, \\d+ broken(, could see"
                + " 0\\.\\d{4})?");
    JsonNode json =
        JSON.readTree(
            place
                .evaluate("--tasks", "quiz", "--adapter", "D/out", "--out", "D/eval", "--json")
                .out());
    assertThat(json.propertyNames())
        .containsExactly("results", "base", "differences", "calibration");
  }

  /// By which a registry tells whether leaks were looked for in the rows of a version.
  @Test
  void aGateKnowsTheTrainingSetAsItsRunDoes() throws IOException {
    assertThat(place.train().code()).isZero();
    place.write("policy.yaml", "leakage: {at_most: 1}\n");
    Ran ran =
        place.evaluate(
            "--tasks",
            "quiz",
            "--adapter",
            "D/out",
            "--train-data",
            "D/rows.jsonl",
            "--policy",
            "D/policy.yaml",
            "--out",
            "D/eval");
    assertThat(ran.code()).as(ran.err()).isZero();
    JsonNode digests = JSON.readTree(folder.resolve("eval/gate.json").toFile()).path("digests");
    JsonNode run = JSON.readTree(folder.resolve("out/run.json").toFile()).path("digests");
    assertThat(run.path("data").asString()).startsWith("sha256:");
    assertThat(digests.path("settings").path("train_data")).isEqualTo(run.path("data"));
  }

  @Test
  void aGroupHasADifferenceWithItsInterval() throws IOException {
    place.write(
        "tasks/both.yaml", "group: both\ntask: [quiz]\naggregate_metric_list: [{metric: acc}]\n");
    assertThat(place.train().code()).isZero();
    Ran ran = place.evaluate("--tasks", "both", "--adapter", "D/out", "--out", "D/eval");
    assertThat(ran.code()).as(ran.err()).isZero();
    List<String> lines = ran.out().lines().toList();
    assertThat(lines).hasSize(3);
    // of one task it is the task's own
    assertThat(lines.get(2).replaceFirst("^both +", ""))
        .contains(", p ")
        .isEqualTo(lines.get(1).replaceFirst("^quiz +", ""));
    Ran json = place.evaluate("--tasks", "both", "--adapter", "D/out", "--out", "D/eval", "--json");
    JsonNode differences = JSON.readTree(json.out()).path("differences").path("adapter");
    assertThat(differences.propertyNames()).containsExactly("quiz", "both");
    assertThat(differences.path("both")).isEqualTo(differences.path("quiz"));
  }

  @Test
  void aSecondCallAsksNothing() {
    place.evaluate("--tasks", "quiz", "--out", "D/out");
    Ran again = place.evaluate("--tasks", "quiz", "--out", "D/out");
    assertThat(again.err())
        .contains("16 of 16 requests are answered already")
        .contains("0 of 16 requests asked in");
  }

  @Test
  void aMistakeIsOneLineAndLeavesNothing() {
    assertThat(place.evaluate("--tasks", "quizz", "--out", "D/out").err())
        .isEqualTo(
            "nudge: --tasks: quizz is no task, group or tag of --tasks-dir and no .yaml file; did"
                + " you mean quiz?\n");
    assertThat(place.evaluate("--tasks", "quiz,,say", "--out", "D/out").err())
        .isEqualTo("nudge: --tasks is ''; it must not be blank\n");
    assertThat(place.evaluate("--tasks", "quiz", "--limit", "0", "--out", "D/out").err())
        .isEqualTo("nudge: --limit is 0; it must be at least 1\n");
    assertThat(place.evaluate("--tasks", "quiz", "--num-fewshot", "9", "--out", "D/out").err())
        .isEqualTo(
            "nudge: D/tasks/quiz.yaml: 9 documents are wanted to choose shots from, and there are"
                + " 8; lower num_fewshot\n");
    assertThat(place.evaluate("--tasks", "quiz", "--adapter", "D/none", "--out", "D/out").code())
        .isEqualTo(2);
    assertThat(place.run("eval", "--model", "D/model", "--tasks", "quiz").err())
        .isEqualTo("nudge: --out is missing; it is required\n");
    assertThat(folder.resolve("out")).doesNotExist();
  }
}
