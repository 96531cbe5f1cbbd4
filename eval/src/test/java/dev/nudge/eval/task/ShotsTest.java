package dev.nudge.eval.task;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Writes shots of odd answers as lm-evaluation-harness 0.4.13 writes them; the expected prompts
/// are what its own `fewshot_context` gave for the same files.
class ShotsTest {
  private static final String TASK =
      """
      task: quiz
      dataset_path: json
      dataset_kwargs: {data_files: {train: shots.jsonl, test: quiz.jsonl}}
      test_split: test
      fewshot_split: train
      num_fewshot: 1
      fewshot_config: {sampler: first_n}
      output_type: multiple_choice
      doc_to_text: "{{q}}"
      doc_to_choice: ["no", "yes", "perhaps"]
      doc_to_target: label
      """;

  @TempDir Path folder;

  private String prompt(String task, String shot) throws IOException {
    Path file = Files.writeString(folder.resolve("quiz.yaml"), task);
    Files.writeString(folder.resolve("shots.jsonl"), shot + "\n");
    Files.writeString(folder.resolve("quiz.jsonl"), "{\"q\": \"two\", \"label\": 1}\n");
    TaskTree tree = TaskTree.of(TaskIndex.of(List.of(folder)), List.of(file.toString()));
    TaskConfig config = requireNonNull(tree.tasks().get("quiz")).withFewshot(null);
    return Task.load(config, folder)
        .samples(null, PromptStyle.PLAIN)
        .getFirst()
        .requests()
        .getFirst()
        .first();
  }

  @Test
  void trueAndFalseArePlacesOfChoices() throws IOException {
    assertThat(prompt(TASK, "{\"q\": \"one\", \"label\": true}")).isEqualTo("one yes\n\ntwo");
    assertThat(prompt(TASK, "{\"q\": \"one\", \"label\": false}")).isEqualTo("one no\n\ntwo");
  }

  @Test
  void aPlaceBelowZeroCountsFromTheEnd() throws IOException {
    assertThat(prompt(TASK, "{\"q\": \"one\", \"label\": -1}")).isEqualTo("one perhaps\n\ntwo");
  }

  @Test
  void aShotWithoutAnAnswerIsItsQuestionAlone() throws IOException {
    assertThat(prompt(TASK, "{\"q\": \"one\", \"label\": null}")).isEqualTo("onetwo");
  }

  @Test
  void aFieldOfShotsThatIsNullIsTheTasksOwn() throws IOException {
    String task =
        TASK.replace(
            "{sampler: first_n}", "{sampler: first_n, doc_to_text: null, doc_to_target: null}");
    assertThat(prompt(task, "{\"q\": \"one\", \"label\": 2}")).isEqualTo("one perhaps\n\ntwo");
  }
}
