package dev.nudge.eval.run;

import dev.nudge.eval.run.Answers.Encoded;
import dev.nudge.eval.run.Answers.EvaluatedModel;
import dev.nudge.eval.run.Evaluation.Watcher;
import dev.nudge.eval.task.Sample;
import dev.nudge.eval.task.TaskRequest;
import dev.nudge.settings.InputException;
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
  private final List<Tokens> tasks;
  private final List<EvaluatedModel> models;
  private final Answers answers;
  private final Watcher watcher;
  private long all;
  private long done;
  private long asked;
  private long requests;

  TaskRunner(List<Tokens> tasks, List<EvaluatedModel> models, Answers answers, Watcher watcher) {
    this.tasks = tasks;
    this.models = models;
    this.answers = answers;
    this.watcher = watcher;
    List<Encoded> everything = tasks.stream().flatMap(task -> task.all().stream()).toList();
    List<Encoded> more = new ArrayList<>(everything);
    tasks.forEach(task -> more.addAll(task.fromBase()));
    for (EvaluatedModel model : models) {
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
    for (Tokens task : tasks) {
      String name = task.ready().task().config().name();
      for (int i = 0; i < models.size(); i++) {
        EvaluatedModel model = models.get(i);
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

  private static List<List<JsonNode>> byDocument(Tokens task, List<JsonNode> flat) {
    List<List<JsonNode>> byDocument = new ArrayList<>();
    int at = 0;
    for (List<Encoded> own : task.requests()) {
      byDocument.add(flat.subList(at, at + own.size()));
      at += own.size();
    }
    return byDocument;
  }

  /// Returns the name of a model, by index.
  String name(int model) {
    return models.get(model).name();
  }

  /// Returns the number of requests run now, cached answers excluded.
  long asked() {
    return asked;
  }

  /// Returns the number of requests of all models.
  long requests() {
    return requests;
  }

  Pace pace(String model) {
    return answers.pace(model);
  }

  /// The tokenized requests of a task, document by document.
  ///
  /// @param fromBase texts for the KL divergence from the base; may be empty
  record Tokens(ReadyTask ready, List<List<Encoded>> requests, List<Encoded> fromBase) {

    List<Encoded> all() {
      return requests.stream().flatMap(List::stream).toList();
    }

    /// Tokenizes the requests of a task.
    ///
    /// @throws InputException in one line, if a request has no token to score or is too long
    static Tokens of(ReadyTask ready, RequestTokens encoder) {
      List<List<Encoded>> all = new ArrayList<>();
      for (Sample sample : ready.samples()) {
        List<Encoded> own = new ArrayList<>();
        for (TaskRequest request : sample.requests()) {
          try {
            own.add(Answers.encoded(request, encoder));
          } catch (InputException | IllegalArgumentException e) {
            throw new InputException(
                "%s, document %s: %s"
                    .formatted(ready.task().config().place(), sample.id(), e.getMessage()),
                e);
          }
        }
        all.add(own);
      }
      boolean compared = ready.metrics().stream().anyMatch(Metric::isFromBase);
      List<Encoded> fromBase =
          compared ? all.stream().map(own -> Answers.fromBase(own.getFirst())).toList() : List.of();
      return new Tokens(ready, all, fromBase);
    }
  }
}
