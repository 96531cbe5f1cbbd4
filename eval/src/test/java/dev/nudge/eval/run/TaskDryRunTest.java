package dev.nudge.eval.run;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.eval.metric.ExactMatch;
import dev.nudge.eval.task.OutputType;
import dev.nudge.eval.task.PromptStyle;
import dev.nudge.eval.task.Task;
import dev.nudge.eval.task.TaskIndex;
import dev.nudge.eval.task.TaskTree;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Scores with answers that nobody gave, by every metric that there is.
class TaskDryRunTest {
  @TempDir Path folder;

  /// A task of two documents with all metrics of its output type.
  private Task task(OutputType type) throws IOException {
    Files.writeString(
        folder.resolve("all.jsonl"),
        """
        {"q": "one", "label": 0, "a": "x y", "answers": ["1"], "scale": "", "answer_type": "span", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}
        {"q": "two", "label": 1, "a": "z", "answers": ["2"], "scale": "", "answer_type": "span", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}
        """);
    String metrics =
        Metric.KNOWN.entrySet().stream()
            .filter(known -> known.getValue().types().contains(type))
            .map(known -> "{metric: %s}".formatted(known.getKey()))
            .collect(Collectors.joining(", ", "[", "]"));
    boolean choices = type == OutputType.MULTIPLE_CHOICE;
    Files.writeString(
        folder.resolve("all.yaml"),
        """
        task: all
        dataset_path: json
        dataset_kwargs: {data_files: {test: all.jsonl}}
        test_split: test
        output_type: %s
        doc_to_text: q
        doc_to_target: %s
        %s
        metric_list: %s
        """
            .formatted(
                type.key(),
                choices ? "label" : "a",
                choices ? "doc_to_choice: [a, b]" : "",
                metrics));
    TaskTree tree = TaskTree.of(TaskIndex.of(List.of(folder)), List.of("all"));
    return Task.load(requireNonNull(tree.tasks().get("all")), null);
  }

  private static void rehearse(Task task, List<Metric> metrics) {
    new ReadyTask(task, metrics, task.samples(null, PromptStyle.PLAIN)).dryRun();
  }

  @ParameterizedTest
  @EnumSource(OutputType.class)
  void everyMetricThatIsKnownIsScoredAndMadeIntoANumber(OutputType type) throws IOException {
    Task task = task(type);
    List<Metric> metrics =
        Metric.of(task.config().metrics(), type, task.multipleTarget(), warning -> {});
    assertThat(metrics).hasSameSizeAs(task.config().metrics()).hasSizeGreaterThan(2);
    assertThatCode(() -> rehearse(task, metrics)).doesNotThrowAnyException();
  }

  private static Metric metric(String name, Aggregation.Kind kind) {
    return new Metric(name, kind, true, ExactMatch.Options.NONE);
  }

  @ParameterizedTest
  @EnumSource(OutputType.class)
  void aMetricThatNobodyKnowsHowToScoreByIsFound(OutputType type) throws IOException {
    Task task = task(type);
    List<Metric> unknown = List.of(metric("bert_score", Aggregation.Kind.MEAN));
    assertThatThrownBy(() -> rehearse(task, unknown))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("no way is known to score by bert_score");
  }

  @Test
  void aMetricWhoseValuesItsAggregationDoesNotTakeIsFound() throws IOException {
    Task task = task(OutputType.MULTIPLE_CHOICE);
    List<Metric> wrong = List.of(metric("acc", Aggregation.Kind.BRIER));
    assertThatThrownBy(() -> rehearse(task, wrong)).isInstanceOf(ClassCastException.class);
  }
}
