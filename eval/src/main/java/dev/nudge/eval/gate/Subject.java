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

/// The number that a rule names: a task's, or a group's with those of its tasks that make it.
///
/// @param weights of the scores in the number, by task
record Subject(
    double value, boolean higherIsBetter, Map<String, Score> scores, Map<String, Double> weights) {

  /// Finds it; of the first filter where none is named.
  ///
  /// @throws java.util.NoSuchElementException where the model does not have it
  /// @throws InputException where tasks of a group count in both directions
  static Subject of(Rule.On on, ModelResults model) {
    TaskScores task = model.tasks().get(on.task());
    if (task != null) {
      Score score =
          task.scores().values().stream()
              .filter(s -> s.metric().name().equals(on.metric()))
              .filter(s -> on.filter() == null || s.filter().equals(on.filter()))
              .findFirst()
              .orElseThrow();
      boolean higher = score.metric().higherIsBetter();
      return new Subject(score.value(), higher, Map.of(on.task(), score), Map.of(on.task(), 1.0));
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

  int documents() {
    return scores.values().stream().mapToInt(score -> score.items().size()).sum();
  }

  /// The number with its interval.
  Measured measured() {
    return measured(Map.of());
  }

  /// How far the number is above another model's.
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
