package dev.nudge.eval.task;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Says in one line what is wrong with a task file: which key, which file, what instead.
class TaskMistakesTest {
  private static final String GOOD =
      """
      task: quiz
      dataset_path: json
      dataset_kwargs: {data_files: {test: quiz.jsonl}}
      test_split: test
      output_type: multiple_choice
      doc_to_text: "{{q}}"
      doc_to_choice: ["a", "b"]
      doc_to_target: label
      """;

  @TempDir Path folder;

  private Path write(String name, String text) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    return Files.writeString(file, text);
  }

  private List<Sample> samples(String text) throws IOException {
    return samples(text, "{\"q\": \"one\", \"label\": 1}\n");
  }

  private List<Sample> samples(String text, String rows) throws IOException {
    write("quiz.yaml", text);
    write("quiz.jsonl", rows);
    TaskTree tree = TaskTree.of(TaskIndex.of(List.of(folder)), List.of("quiz"));
    TaskConfig config = requireNonNull(tree.tasks().get("quiz"));
    AnswerFilters.of(config);
    return Task.load(config, null).samples(null, PromptStyle.PLAIN);
  }

  private void refused(String text, String message) {
    assertThatThrownBy(() -> samples(text))
        .isInstanceOf(InputException.class)
        .hasMessage(message.replace("D/", folder + "/"));
  }

  @Test
  void aGoodFileIsRead() throws IOException {
    Sample sample = samples(GOOD).getFirst();
    assertThat(sample.requests())
        .containsExactly(
            new TaskRequest.Likelihood("one", " a"), new TaskRequest.Likelihood("one", " b"));
    assertThat(sample.gold().intValue()).isEqualTo(1);
  }

  @Test
  void aPlaceBeyondAnyNumberOfChoicesIsNoneOfThem() throws IOException {
    String large = "{\"q\": \"one\", \"label\": 1099511627776}\n";
    assertThat(samples(GOOD, large).getFirst().goldPlace()).isEqualTo(-1);
    String fixed = GOOD.replace("doc_to_target: label", "doc_to_target: 1099511627776");
    assertThat(samples(fixed).getFirst().goldPlace()).isEqualTo(-1);
    String shots = GOOD + "num_fewshot: 1\nfewshot_split: test\n";
    assertThatThrownBy(() -> samples(shots, large + large.replace("one", "two")))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "%s/quiz.yaml: doc_to_target makes 1099511627776; it must be the place of a choice"
                .formatted(folder));
  }

  @Test
  void aTagWithTheNameOfATaskOrGroupGivesWayToIt() throws IOException {
    write("a_group.yaml", "group: law\ntask: [quiz]\n");
    write("z.yaml", GOOD.replace("task: quiz", "task: last") + "tag: [law, quiz, last, mine]\n");
    List<Sample> samples = samples(GOOD + "tag: quiz\n");
    assertThat(samples).hasSize(1);
    TaskIndex index = TaskIndex.of(List.of(folder));
    assertThat(TaskTree.of(index, List.of("law")).tasks()).containsOnlyKeys("quiz");
    assertThat(TaskTree.of(index, List.of("mine")).tasks()).containsOnlyKeys("last");
    // a tag that was met before the task that has its name
    write("a.yaml", GOOD.replace("task: quiz", "task: first") + "tag: last\n");
    TaskIndex again = TaskIndex.of(List.of(folder));
    assertThat(TaskTree.of(again, List.of("last")).tasks()).containsOnlyKeys("last");
    // a tag of a later folder
    Path later = Files.createDirectories(folder.resolve("later"));
    write("later/b.yaml", GOOD.replace("task: quiz", "task: other") + "tag: [law, mine]\n");
    Path first = folder.resolve("first");
    write("first/a_group.yaml", "group: law\ntask: [quiz]\n");
    write("first/quiz.yaml", GOOD + "tag: mine\n");
    TaskIndex both = TaskIndex.of(List.of(first, later));
    assertThat(TaskTree.of(both, List.of("law")).tasks()).containsOnlyKeys("quiz");
    assertThat(TaskTree.of(both, List.of("mine")).tasks()).containsOnlyKeys("quiz", "other");
  }

  @Test
  void patternsThatAreNoneAreRefusedInOneLine() throws IOException {
    TaskIndex index = TaskIndex.of(List.of(folder));
    assertThatThrownBy(() -> TaskTree.of(index, List.of("legal_[a*")))
        .isInstanceOf(InputException.class)
        .hasMessage("--tasks: legal_[a* is no pattern; close its brackets and braces");
    refused(
        GOOD.replace("quiz.jsonl", "'[a*.jsonl'"),
        "D/quiz.yaml: data_files names [a*.jsonl, which is no pattern; close its brackets and braces");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "process_docs: !function utils.prepare|process_docs is Python (!function utils.prepare), which is not run here; export its documents to JSONL once, as docs/reference/evaluation.md shows",
        "doc_to_text: !function utils.text|doc_to_text is Python (!function utils.text), which is not run here; export its documents to JSONL once, as docs/reference/evaluation.md shows, with a column of what it makes",
        "process_results: !function utils.score|process_results is Python (!function utils.score), which is not run here; score by metric_list and filter_list alone",
        "custom_dataset: !function utils.load|custom_dataset is Python (!function utils.load), which is not run here; export its documents to JSONL once, as docs/reference/evaluation.md shows",
        "metric_list: [{metric: !function utils.mine}]|metric_list: metric is Python (!function utils.mine), which is not run here; score by metric_list and filter_list alone",
        "metric_list: [{metric: acc, aggregation: !function utils.odd}]|metric_list: aggregation is Python (!function utils.odd), which is not run here; score by metric_list and filter_list alone",
        "metric_list: []|metric_list is []; it must be a list of at least one metric",
        "metric_list: acc|metric_list is acc; it must be a list",
        "fewshot_config: {samples: !function utils.list}|fewshot_config: samples is Python (!function utils.list), which is not run here; export its documents to JSONL once, as docs/reference/evaluation.md shows, or write the samples into the file",
        "fewshot_config: {sampler: balanced}|fewshot_config: sampler is balanced; it must be default or first_n",
        "unsafe_code: true|unsafe_code is true; answers that are code are not run here",
        "doc_to_image: image|doc_to_image is image; images are not read here",
        "use_prompt: x|use_prompt is x; promptsource is not read here; write doc_to_text and doc_to_target",
        "doc_to_choise: [a]|doc_to_choise is no key of a task; did you mean doc_to_choice?",
        "output_type: mcq|output_type is mcq; it must be one of loglikelihood, multiple_choice, loglikelihood_rolling, generate_until",
        "num_fewshot: -1|num_fewshot is -1; it must be at least 0",
        "metadata: {cluster: [a]}|metadata: cluster is [a]; it must be the name of a column",
        "metadata: {subgroups: [a, 1]}|metadata: subgroups is [a, 1]; it must be a list of columns",
        "num_fewshot: two|num_fewshot is two; it must be a whole number",
        "repeats: 0|repeats is 0; it must be at least 1",
        "target_delimiter: 3|target_delimiter is 3; it must be a text",
        "generation_kwargs: {num_beams: 4}|generation_kwargs: num_beams is 4; it must be 1: beams are not searched here",
        "generation_kwargs: {do_sample: true}|generation_kwargs: do_sample is true and temperature is missing; give a temperature above 0, or leave do_sample out",
        "generation_kwargs: {penalty_alpha: 1}|generation_kwargs: penalty_alpha is no key that is known there",
        "filter_list: [{name: x, filter: [{function: regexp}]}]|filter_list: filter: the filter regexp is not known; there are lowercase, majority_vote, map, multi_choice_regex, regex, remove_whitespace, take_first, take_first_k, uppercase; did you mean regex?",
        "filter_list: [{name: x, filter: [{function: custom, filter_fn: !function utils.f}]}]|filter_list: filter: the filter custom is not known; there are lowercase, majority_vote, map, multi_choice_regex, regex, remove_whitespace, take_first, take_first_k, uppercase",
        "filter_list: [{name: x, filter: [{function: regex, regex_pattern: '('}]}]|filter_list: filter: the regular expression '(' cannot be read: Unclosed group",
        "filter_list: [{name: x, filter: [{function: regex, pattern: 'a'}]}]|filter_list: filter: pattern is no key that is known there",
        "filter_list: [{name: x, filter: []}]|filter_list: filter is []; it must be a list of at least one function",
        "filter_list: [{name: x, filter: [{function: take_first_k}]}]|filter_list: filter: k is null; it must be how many answers are taken",
        "test_split: null|test_split and validation_split are both missing; name the split that is asked about",
        "test_split: dev|data_files has no split dev; it has test",
        "doc_to_text: '{{question}}'|doc_to_text, line 1: 'question' is undefined",
        "doc_to_text: '{{q'|doc_to_text, line 1: a tag is not closed; it ends with '}}'",
        "doc_to_choice: '{{q}}'|doc_to_choice makes one; it must make a list of texts",
        "doc_to_choice: [1, 2]|doc_to_choice has the choice 1; each must be a text; put it in quotes",
        "doc_to_choice: [no, yes]|doc_to_choice has the choice false; each must be a text; put it in quotes",
        "doc_to_choice: null|doc_to_choice is null; it must be the choices: a list, a column or a template",
        "num_fewshot: 2|2 documents are wanted to choose shots from, and there are 1; lower num_fewshot",
        "dataset_kwargs: null|dataset_path is json and dataset_kwargs has no data_files; name the files there",
      })
  void aKeyIsRefusedInOneLine(String line, String message) {
    assertThatThrownBy(() -> samples(TaskTexts.with(GOOD, line)))
        .isInstanceOf(InputException.class)
        .satisfies(
            e -> assertThat(String.valueOf(e.getMessage())).startsWith(folder + "/quiz.yaml: "))
        .hasMessageContaining(message)
        .satisfies(e -> assertThat(String.valueOf(e.getMessage()).lines()).hasSize(1));
  }

  @Test
  void aPythonTaskIsRefused() {
    refused(
        "class: !function task.Squad\ntask: quiz\n",
        "D/quiz.yaml: the task is a Python class (!function task.Squad), which is not run here; export its requests to a task of JSONL once, as docs/reference/evaluation.md shows");
  }

  @Test
  void aMetricOfHuggingFacesIsRefusedWhereItWouldBeCalled() throws IOException {
    String list = "metric_list: [{metric: f1, hf_evaluate: true, average: macro}]\n";
    assertThat(samples(GOOD + list)).hasSize(1); // of choices the harness never calls it
    refused(
        GOOD.replace("output_type: multiple_choice", "output_type: generate_until") + list,
        "D/quiz.yaml: metric_list: metric f1 is one of Hugging Face's evaluate (hf_evaluate: true), of which exact_match alone is known here");
  }

  @Test
  void aNameThatIsNothingIsRefusedWithWhatIsNear() throws IOException {
    write("quiz.yaml", GOOD);
    TaskIndex index = TaskIndex.of(List.of(folder));
    assertThatThrownBy(() -> TaskTree.of(index, List.of("quizz")))
        .hasMessage(
            "--tasks: quizz is no task, group or tag of --tasks-dir and no .yaml file; did you mean quiz?");
    assertThatThrownBy(() -> TaskTree.of(index, List.of("mmlu"), false))
        .hasMessage(
            "--tasks: mmlu is no task, group or tag that comes with nudge (give --tasks-dir, a folder of task files, for others) and no .yaml file");
    assertThatThrownBy(() -> TaskIndex.of(List.of(folder.resolve("none"))))
        .hasMessage("--tasks-dir is " + folder + "/none; it must be a folder of task files");
    assertThat(TaskTree.of(index, List.of("q*")).tasks()).containsOnlyKeys("quiz");
    assertThat(TaskTree.of(index, List.of(folder + "/quiz.yaml")).tasks()).containsOnlyKeys("quiz");
  }

  @Test
  void aBrokenFileIsNamedWhereItsNameIsAskedFor() throws IOException {
    write("broken.yaml", "task: [\n");
    assertThatThrownBy(() -> TaskTree.of(TaskIndex.of(List.of(folder)), List.of("broken")))
        .hasMessageStartingWith(
            "--tasks: broken is no task, group or tag of --tasks-dir and no .yaml file; a file of that name is broken: "
                + folder
                + "/broken.yaml line 2, column 1: this is not YAML: ");
  }

  @Test
  void includesAreFollowedAndTheirMistakesNamed() throws IOException {
    write("base", GOOD);
    List<Sample> samples = samples("include: base\ndoc_to_text: \"Q: {{q}}\"\n");
    assertThat(samples.getFirst().requests().getFirst().first()).isEqualTo("Q: one");
    write("a.yaml", "include: b.yaml\n");
    write("b.yaml", "include: a.yaml\n");
    assertThatThrownBy(() -> TaskFiles.read(folder.resolve("a.yaml")))
        .hasMessage("%s/a.yaml includes itself, by %s/b.yaml".formatted(folder, folder));
    write("c.yaml", "include: gone.yaml\n");
    assertThatThrownBy(() -> TaskFiles.read(folder.resolve("c.yaml")))
        .hasMessage(
            "%s/c.yaml includes %s/gone.yaml; there is no such file".formatted(folder, folder));
    write("d.yaml", "include: 7\n");
    assertThatThrownBy(() -> TaskFiles.read(folder.resolve("d.yaml")))
        .hasMessage(
            "%s/d.yaml: include is 7; it must be a file or a list of files".formatted(folder));
  }

  @Test
  void documentsThatAreNotThereAreNamedWithWhereTheyWereLookedFor() {
    refused(
        GOOD.replace("quiz.jsonl", "gone.jsonl"),
        "D/quiz.yaml: data_files names gone.jsonl, which is in none of %s, the working folder; set --data-dir to the folder that has it"
            .formatted(folder));
    refused(
        GOOD.replace("dataset_path: json", "dataset_path: acme/quiz"),
        "D/quiz.yaml: the split test of the data set acme/quiz is not here: there is no acme/quiz/test.jsonl in %s, the working folder; export it there and set --data-dir, as docs/reference/evaluation.md shows"
            .formatted(folder));
  }

  @Test
  void aRowThatIsNoDocumentIsNamed() {
    assertThatThrownBy(() -> samples(GOOD, "{\"q\": \"one\", \"label\": 1}\n{broken\n"))
        .hasMessage(
            folder + "/quiz.jsonl, line 2: it is no JSON; a document is an object on a line");
    assertThatThrownBy(() -> samples(GOOD, "[1]\n"))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(folder + "/quiz.jsonl, line 1: it is no JSON object");
    assertThatThrownBy(() -> samples(GOOD, "\n"))
        .hasMessage(
            "%s/quiz.yaml: the split test has no documents, in %s/quiz.jsonl"
                .formatted(folder, folder));
  }

  @Test
  void aFileOfTextIsADocumentALine() throws IOException {
    String task =
        GOOD.replace("dataset_path: json", "dataset_path: text")
            .replace("{{q}}", "<{{text}}>")
            .replace("doc_to_target: label", "doc_to_target: 0");
    assertThat(samples(task, "one\n\n two \r\nthree"))
        .extracting(sample -> sample.requests().getFirst().first())
        .containsExactly("<one>", "<>", "< two >", "<three>");
    assertThatThrownBy(() -> samples(task, ""))
        .hasMessage(
            "%s/quiz.yaml: the split test has no documents, in %s/quiz.jsonl"
                .formatted(folder, folder));
  }

  @Test
  void aGroupOfNothingOrOfItselfIsRefused() throws IOException {
    write("quiz.yaml", GOOD);
    write("g.yaml", "group: g\ntask: [gone]\n");
    write("h.yaml", "group: h\ntask: [h]\n");
    write("i.yaml", "group: i\ntask: [7]\n");
    write("j.yaml", "group: j\ntask: []\n");
    write(
        "k.yaml",
        "group: k\ntask: [quiz]\naggregate_metric_list: [{metric: acc, aggregation: max}]\n");
    TaskIndex index = TaskIndex.of(List.of(folder));
    assertThatThrownBy(() -> TaskTree.of(index, List.of("g")))
        .hasMessageStartingWith(folder + "/g.yaml: gone is no task, group or tag");
    assertThatThrownBy(() -> TaskTree.of(index, List.of("h")))
        .hasMessage(folder + "/h.yaml: groups stand more than 50 deep in others, or in themselves");
    assertThatThrownBy(() -> TaskTree.of(index, List.of("i")))
        .hasMessage(
            folder
                + "/i.yaml: task has the entry 7; it must be a name, or a map with task or group");
    assertThatThrownBy(() -> TaskTree.of(index, List.of("j")))
        .hasMessage(folder + "/j.yaml: group j has no task in it");
    assertThatThrownBy(() -> TaskTree.of(index, List.of("k")))
        .hasMessage(folder + "/k.yaml: aggregate_metric_list: aggregation is max; it must be mean");
    write("l.yaml", "group: l\ntask: [quiz]\n");
    assertThatThrownBy(() -> TaskTree.of(TaskIndex.of(List.of(folder)), List.of("l", "quiz")))
        .hasMessage("--tasks: quiz is selected twice, by l and by quiz; leave one out");
  }
}
