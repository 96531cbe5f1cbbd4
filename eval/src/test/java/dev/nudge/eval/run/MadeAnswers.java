package dev.nudge.eval.run;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.eval.task.OutputType;
import dev.nudge.eval.task.PromptStyle;
import dev.nudge.eval.task.Sample;
import dev.nudge.eval.task.Task;
import dev.nudge.eval.task.TaskConfig;
import dev.nudge.eval.task.TaskRequest;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;

/// Scores answers that stand in the documents of a task, so no model is asked: `texts` are each
/// repeat's, `logprobs` and `greedy` each request's; null is NaN.
final class MadeAnswers {
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  private MadeAnswers() {}

  /// Scores them.
  ///
  /// @param resamples of standard errors; 0: those by formula alone
  static TaskScores scored(TaskConfig config, Path data, int resamples) {
    Task task = Task.load(config, data);
    List<String> warnings = new ArrayList<>();
    List<Metric> metrics =
        Metric.of(config.metrics(), config.type(), task.multipleTarget(), warnings::add);
    assertThat(warnings).isEmpty();
    List<Sample> samples = task.samples(null, PromptStyle.PLAIN);
    List<List<JsonNode>> answers =
        samples.stream().map(sample -> answers(config.type(), sample)).toList();
    return TaskScores.of(task, metrics, samples, answers, List.of(), resamples);
  }

  private static List<JsonNode> answers(OutputType type, Sample sample) {
    JsonNode doc = sample.doc();
    List<JsonNode> answers = new ArrayList<>();
    for (int i = 0; i < sample.requests().size(); i++) {
      ArrayNode repeats = NODES.arrayNode();
      if (sample.requests().get(i) instanceof TaskRequest.Generate) {
        repeats.addAll((ArrayNode) doc.get("texts"));
      } else {
        JsonNode said = doc.get("logprobs").get(i);
        double logprob = said.isNull() ? Double.NaN : said.doubleValue();
        if (type == OutputType.LOGLIKELIHOOD_ROLLING) {
          repeats.add(logprob);
        } else {
          repeats.add(NODES.arrayNode().add(logprob).add(doc.get("greedy").get(i)));
        }
      }
      answers.add(repeats);
    }
    return answers;
  }
}
