package dev.nudge.eval.sweep;

import dev.nudge.adapter.PeftFiles;
import dev.nudge.eval.run.Aggregation;
import dev.nudge.eval.run.Evaluation;
import dev.nudge.eval.run.Metric;
import dev.nudge.eval.run.MetricItem;
import dev.nudge.eval.run.TaskScores;
import dev.nudge.eval.sweep.SweepFile.Ranking;
import dev.nudge.machine.Machine;
import dev.nudge.model.ModelFolder;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Schema;
import dev.nudge.settings.train.Method;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.settings.verb.EvaluateSettings;
import dev.nudge.settings.verb.ModelSettings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Evaluates the adapters of a sweep on the documents of one task. Answers are cached in a folder
/// of the sweep, so no request is computed twice, and the base is evaluated once.
///
/// @param out folder of the sweep
/// @param metric task and metric of the ranking
/// @param resolved the task's definition of the metric
record SweepEvaluation(Path out, Machine machine, Ranking metric, Metric resolved) {
  private static final String ANSWERS = ".eval";

  /// Checks that the first setting's base can be evaluated, without loading it.
  ///
  /// @param warnings receives one line each
  /// @throws dev.nudge.settings.InputException in one line
  static SweepEvaluation of(
      String place,
      Path out,
      Machine machine,
      Ranking metric,
      TrainSettings first,
      Consumer<String> warnings) {
    Evaluation.Watcher watcher =
        new Evaluation.Watcher() {
          @Override
          public void warn(String line) {
            warnings.accept(line);
          }
        };
    EvaluateSettings settings = settings(metric, out, first.model(), first.model().model(), null);
    Map<String, List<Metric>> tasks;
    try {
      tasks = Evaluation.metrics(settings, machine, watcher);
    } catch (InputException e) {
      throw SweepFile.wrong(
          place,
          String.valueOf(e.getMessage())
              .replaceFirst("^--tasks:", "metric: task")
              .replace(" (give --tasks-dir, a folder of task files, for others)", ""));
    }
    if (tasks.size() != 1) {
      throw SweepFile.wrong(
          place,
          "metric: task %s is %d tasks; name one of %s"
              .formatted(metric.task(), tasks.size(), String.join(", ", tasks.keySet())));
    }
    List<Metric> there = tasks.values().iterator().next();
    for (Metric one : there) {
      if (one.name().equals(metric.metric()) && one.aggregation() == Aggregation.Kind.MEAN) {
        return new SweepEvaluation(out, machine, metric, one);
      }
    }
    throw SweepFile.wrong(
        place,
        "metric: %s has no mean over documents called %s; it has %s"
            .formatted(
                metric.task(),
                metric.metric(),
                there.stream()
                    .filter(one -> one.aggregation() == Aggregation.Kind.MEAN)
                    .map(Metric::name)
                    .collect(Collectors.joining(", "))));
  }

  private static EvaluateSettings settings(
      Ranking metric, Path out, ModelSettings model, Path folder, @Nullable Path adapter) {
    Map<String, Object> values = new HashMap<>();
    Schema.of(ModelSettings.class)
        .values(model)
        .forEach(
            (key, value) -> {
              if (value != null && !key.equals("max_length")) { // max_length is for training rows
                values.put(key, value);
              }
            });
    values.put("model", folder);
    values.put("tasks", List.of(metric.task()));
    values.put("out", out.resolve(ANSWERS));
    put(values, "data_dir", metric.dataDir());
    put(values, "limit", metric.limit());
    put(values, "adapter", adapter);
    return EvaluateSettings.of(values);
  }

  private static void put(Map<String, Object> values, String key, @Nullable Object value) {
    if (value != null) {
      values.put(key, value);
    }
  }

  /// Whether a run has saved an adapter or a model.
  static boolean isSaved(Path folder) {
    return Files.exists(folder.resolve(PeftFiles.WEIGHTS)) || ModelFolder.isModel(folder);
  }

  /// Evaluates the saved adapter or model of a run.
  ///
  /// @return the metric of each document
  HeldRows of(TrainSettings run) {
    Path folder = run.output().out();
    boolean whole = run.lora().method() == Method.FULL;
    EvaluateSettings settings =
        whole
            ? settings(metric, out, run.model(), folder, null)
            : settings(metric, out, run.model(), run.model().model(), folder);
    TaskScores scores =
        Evaluation.of(settings, machine.again(), new Evaluation.Watcher() {})
            .main()
            .tasks()
            .values()
            .iterator()
            .next();
    return HeldRows.each(
        scores.scores().values().stream()
            .filter(score -> score.metric().name().equals(resolved.name()))
            .findFirst()
            .orElseThrow()
            .items()
            .stream()
            .mapToDouble(item -> item instanceof MetricItem.Value one ? one.value() : Double.NaN)
            .toArray());
  }
}
