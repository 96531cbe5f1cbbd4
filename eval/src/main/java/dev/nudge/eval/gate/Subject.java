package dev.nudge.eval.gate;

import dev.nudge.eval.run.GroupScores;
import dev.nudge.eval.run.ModelResults;
import dev.nudge.eval.run.ScorePart;
import dev.nudge.eval.run.TaskScores;
import dev.nudge.eval.run.TaskScores.Score;
import dev.nudge.settings.InputException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/// The metric that a rule names, of a task or of a group with the scores of its tasks.
///
/// @param weights weight of each task's score in the number
record Subject(
    double value, boolean higherIsBetter, Map<String, Score> scores, Map<String, Double> weights) {

  /// Looks up the metric; by the task's first filter if the rule names none.
  ///
  /// @throws java.util.NoSuchElementException if the model has no such metric
  /// @throws InputException if the tasks of a group disagree on whether higher is better
  static Subject of(Rule.On on, ModelResults model) {
    TaskScores task = model.tasks().get(on.task());
    if (task != null) {
      Score score =
          task.scores().values().stream()
              .filter(s -> s.metric().name().equals(on.metric()))
              .filter(s -> on.filter() == null || s.filter().equals(on.filter()))
              .findFirst()
              .orElseThrow();
      return of(on.task(), score);
    }
    GroupScores group = Objects.requireNonNull(model.groups().get(on.task()));
    Map.Entry<String, GroupScores.Score> found =
        group.scores().entrySet().stream()
            .filter(
                e ->
                    on.filter() == null
                        ? e.getKey().startsWith(on.metric() + ",")
                        : e.getKey().equals(on.metric() + "," + on.filter()))
            .findFirst()
            .orElseThrow();
    Map<String, Score> scores = new LinkedHashMap<>();
    Map<String, Double> weights = found.getValue().weights();
    weights
        .keySet()
        .forEach(
            name -> {
              TaskScores own = Objects.requireNonNull(model.tasks().get(name));
              scores.put(name, Objects.requireNonNull(own.scores().get(found.getKey())));
            });
    Boolean higher = found.getValue().higherIsBetter();
    if (higher == null) {
      throw new InputException(
          "the tasks of the group %s do not agree whether more of %s is better (higher_is_better); name one of them"
              .formatted(on.task(), on.metric()));
    }
    return new Subject(found.getValue().value(), higher, scores, weights);
  }

  /// Returns the metric of one task.
  static Subject of(String task, Score score) {
    boolean higher = score.metric().higherIsBetter();
    return new Subject(score.value(), higher, Map.of(task, score), Map.of(task, 1.0));
  }

  int documents() {
    return scores.values().stream().mapToInt(score -> score.items().size()).sum();
  }

  /// Returns the metric with its interval.
  Measured measured() {
    return measured(Map.of());
  }

  /// Returns the paired gain of this model over `before`.
  Measured above(Subject before) {
    return measured(before.scores);
  }

  private Measured measured(Map<String, Score> before) {
    List<ScorePart> parts = new ArrayList<>();
    scores.forEach(
        (name, score) -> {
          double weight = Objects.requireNonNull(weights.get(name));
          parts.add(new ScorePart(before.get(name), score, weight));
        });
    return Measured.of(parts);
  }
}
