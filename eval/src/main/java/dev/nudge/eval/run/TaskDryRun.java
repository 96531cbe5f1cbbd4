package dev.nudge.eval.run;

import dev.nudge.eval.task.AnswerException;
import dev.nudge.eval.task.AnswerFilters;
import dev.nudge.eval.task.Sample;
import dev.nudge.eval.task.Task;
import dev.nudge.eval.task.TaskRequest;
import dev.nudge.settings.InputException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;

/// Scores each document with a dummy answer before inference, so that a missing column, a target
/// that is no choice, or an unsuitable filter or metric fails at once.
final class TaskDryRun {
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  private TaskDryRun() {}

  /// @throws InputException if a document, filter or metric cannot be scored
  static void of(Task task, List<Metric> metrics, List<Sample> samples) {
    AnswerFilters filters = AnswerFilters.of(task.config());
    SampleScorer scorer = new SampleScorer(task, metrics);
    JsonNode fromBase = NODES.arrayNode().add(0.0).add(1);
    for (String filter : filters.names()) {
      Map<String, List<MetricItem>> items = new HashMap<>();
      for (Sample sample : samples) {
        try {
          List<JsonNode> filtered = new ArrayList<>();
          sample
              .requests()
              .forEach(r -> filtered.add(filters.apply(filter, answers(r), sample.doc())));
          scorer
              .of(sample, filtered, fromBase)
              .forEach(
                  (name, item) -> items.computeIfAbsent(name, n -> new ArrayList<>()).add(item));
        } catch (AnswerException e) {
          continue; // a model may answer otherwise
        } catch (JacksonException e) {
          throw new InputException(
              "%s: what the filters of %s leave cannot be scored as output_type: %s; of choices the last is take_first, and filters of texts are for generate_until"
                  .formatted(task.config().place(), filter, task.config().type().key()),
              e);
        }
      }
      for (Metric metric : metrics) {
        List<MetricItem> own = items.getOrDefault(metric.name(), List.of());
        if (!own.isEmpty()) {
          Aggregation.of(metric.aggregation(), own).all();
        }
      }
    }
  }

  /// Dummy answers in the format of [Answers].
  private static JsonNode answers(TaskRequest request) {
    ArrayNode list = NODES.arrayNode();
    switch (request) {
      case TaskRequest.Likelihood likelihood -> list.addArray().add(-1.0).add(false);
      case TaskRequest.Rolling rolling -> list.add(-1.0);
      case TaskRequest.Generate generate -> {
        for (int i = 0; i < generate.repeats(); i++) {
          list.add("");
        }
      }
    }
    return list;
  }
}
