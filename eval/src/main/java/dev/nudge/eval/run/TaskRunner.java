package dev.nudge.eval.run;

import dev.nudge.eval.run.Answers.Asked;
import dev.nudge.eval.run.Answers.Encoded;
import dev.nudge.eval.run.Evaluation.Watcher;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntConsumer;
import tools.jackson.databind.JsonNode;

/// Runs all models on all tasks and scores their answers.
///
/// Threading: one thread.
final class TaskRunner {
  private final List<TaskTokens> tasks;
  private final List<Asked> models;
  private final Answers answers;
  private final Watcher watcher;
  private long all;
  private long done;
  private long asked;
  private long requests;

  TaskRunner(List<TaskTokens> tasks, List<Asked> models, Answers answers, Watcher watcher) {
    this.tasks = tasks;
    this.models = models;
    this.answers = answers;
    this.watcher = watcher;
    List<Encoded> everything = tasks.stream().flatMap(task -> task.all().stream()).toList();
    List<Encoded> more = new ArrayList<>(everything);
    tasks.forEach(task -> more.addAll(task.fromBase()));
    for (Asked model : models) {
      List<Encoded> own = model.adapter() == null ? everything : more;
      requests += own.stream().map(Encoded::digest).distinct().count();
      for (Encoded request : answers.missing(own, model).values()) {
        asked++;
        all += request.tokens();
      }
    }
  }

  /// Runs all models on all tasks.
  ///
  /// @return per model the scores of each task
  List<Map<String, TaskScores>> go(int resamples) {
    if (asked < requests) {
      watcher.note(
          String.format(
              Locale.ROOT, "%,d of %,d requests are answered already", requests - asked, requests));
    }
    List<Map<String, TaskScores>> scores = new ArrayList<>();
    models.forEach(model -> scores.add(new LinkedHashMap<>()));
    for (TaskTokens task : tasks) {
      String name = task.ready().task().config().name();
      for (int i = 0; i < models.size(); i++) {
        Asked model = models.get(i);
        IntConsumer told =
            tokens -> {
              done = Math.min(all, done + tokens);
              watcher.progress(done, all, name, model.name());
            };
        List<JsonNode> flat = answers.of(task.all(), model, told);
        List<JsonNode> fromBase = answers.fromBase(task.fromBase(), model, told);
        ReadyTask ready = task.ready();
        scores
            .get(i)
            .put(
                name,
                TaskScores.of(
                    ready.task(),
                    ready.metrics(),
                    ready.samples(),
                    byDocument(task, flat),
                    fromBase,
                    resamples));
      }
    }
    return scores;
  }

  private static List<List<JsonNode>> byDocument(TaskTokens task, List<JsonNode> flat) {
    List<List<JsonNode>> byDocument = new ArrayList<>();
    int at = 0;
    for (List<Encoded> own : task.requests()) {
      byDocument.add(flat.subList(at, at + own.size()));
      at += own.size();
    }
    return byDocument;
  }

  /// The name of a model, by index.
  String name(int model) {
    return models.get(model).name();
  }

  /// The number of requests run now, cached answers excluded.
  long asked() {
    return asked;
  }

  /// The number of requests of all models.
  long requests() {
    return requests;
  }

  Pace pace(String model) {
    return answers.pace(model);
  }
}
