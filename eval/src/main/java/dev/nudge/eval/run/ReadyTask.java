package dev.nudge.eval.run;

import dev.nudge.eval.task.AnswerException;
import dev.nudge.eval.task.AnswerFilters;
import dev.nudge.eval.task.PromptStyle;
import dev.nudge.eval.task.Sample;
import dev.nudge.eval.task.Task;
import dev.nudge.eval.task.TaskConfig;
import dev.nudge.eval.task.TaskRequest;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.EvaluateSettings;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;

/// A loaded task with its metrics and prompts, ready for inference.
record ReadyTask(Task task, List<Metric> metrics, List<Sample> samples) {

  /// Loads the documents of a task and builds its prompts.
  ///
  /// @param warnings receives one line each
  /// @throws InputException in one line, if the task cannot be run
  static ReadyTask of(
      TaskConfig config, EvaluateSettings settings, PromptStyle style, Consumer<String> warnings) {
    TaskConfig shot = config.withFewshot(settings.numFewshot());
    AnswerFilters.of(shot);
    Task task = Task.load(shot, settings.dataDir());
    List<Metric> metrics = metrics(shot, task, settings, warnings);
    List<Sample> samples = task.samples(settings.limit(), style);
    boolean binary = metrics.stream().anyMatch(m -> m.aggregation() == Aggregation.Kind.F1);
    if (binary && samples.stream().anyMatch(sample -> sample.choices().size() > 2)) {
      throw new InputException(
          "%s: f1 is of two choices, and documents have more; take macro_f1, micro_f1 or weighted_f1"
              .formatted(config.place()));
    }
    warnOfTargets(config, samples, warnings);
    String cluster = config.cluster();
    if (cluster != null && samples.stream().noneMatch(sample -> sample.doc().has(cluster))) {
      warnings.accept(
          "%s: metadata: cluster names the column %s, which no document has; documents are treated as independent"
              .formatted(config.place(), cluster));
    }
    for (String column : config.subgroups()) {
      if (samples.stream().noneMatch(sample -> sample.doc().has(column))) {
        warnings.accept(
            "%s: metadata: subgroups names the column %s, which no document has; it is left out"
                .formatted(config.place(), column));
      }
    }
    return new ReadyTask(task, metrics, samples);
  }

  /// Warns of targets that are not among the choices: the harness counts such documents as wrong.
  ///
  /// @throws InputException if this holds for all targets, so that every model would score 0
  private static void warnOfTargets(
      TaskConfig config, List<Sample> samples, Consumer<String> warnings) {
    List<Sample> none =
        samples.stream()
            .filter(sample -> !sample.choices().isEmpty())
            .filter(sample -> sample.goldPlaces().equals(List.of(Sample.NO_CHOICE)))
            .toList();
    if (!none.isEmpty()) {
      Sample first = none.getFirst();
      String line =
          "%s: the targets of %d of %d documents are no choice, so no answer to them is right; document %d has %s, doc_to_choice has %s"
              .formatted(
                  config.place(),
                  none.size(),
                  samples.size(),
                  first.id(),
                  first.gold(),
                  first.choices());
      if (none.size() == samples.size()) {
        throw new InputException(line + "; mend doc_to_target or doc_to_choice");
      }
      warnings.accept(line);
    }
  }

  /// Returns the metrics of a task; without the KL divergence from the base if there is no adapter.
  private static List<Metric> metrics(
      TaskConfig config, Task task, EvaluateSettings settings, Consumer<String> warnings) {
    List<Metric> metrics =
        Metric.of(config.metrics(), config.type(), task.multipleTarget(), warnings);
    if (settings.adapter() != null || settings.compare() != null) {
      return metrics;
    }
    List<Metric> own = metrics.stream().filter(metric -> !metric.isFromBase()).toList();
    if (own.isEmpty()) {
      throw new InputException(
          "%s: %s is of an adapter beside its base, and it is the task's only metric; give --adapter"
              .formatted(config.place(), Metric.KL_FROM_BASE));
    }
    return own;
  }

  /// Scores each document with a dummy answer before inference, so that a missing column, a target
  /// that is not a choice, or an unsuitable filter or metric fails at once.
  ///
  /// @throws InputException if a document, filter or metric cannot be scored
  void dryRun() {
    AnswerFilters filters = AnswerFilters.of(task.config());
    SampleScorer scorer = new SampleScorer(task, metrics);
    JsonNode fromBase = JsonNodeFactory.instance.arrayNode().add(0.0).add(1);
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
          continue; // a model's real answer may be fine
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
    ArrayNode list = JsonNodeFactory.instance.arrayNode();
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
