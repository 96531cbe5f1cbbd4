package dev.nudge.eval.gate;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.eval.Interval;
import dev.nudge.eval.Resampled;
import dev.nudge.eval.run.Difference;
import dev.nudge.eval.run.ModelResults;
import dev.nudge.eval.run.Outcome;
import dev.nudge.eval.task.TaskGroup;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Holds the difference that a group has in tables to the one that a gate judges it by.
class GroupDifferenceTest {
  @TempDir Path folder;

  /// A base and a model with an adapter, with a group of all tasks.
  private static List<ModelResults> grouped(Outcome outcome, String metric, boolean bySize) {
    List<String> tasks = List.copyOf(outcome.main().tasks().keySet());
    List<TaskGroup.Aggregate> means = List.of(new TaskGroup.Aggregate(metric, null, bySize));
    TaskGroup group = new TaskGroup("all", "all", tasks, tasks, means, 1);
    List<ModelResults> models = new ArrayList<>();
    for (ModelResults model : outcome.models()) {
      models.add(
          new ModelResults(
              model.name(),
              model.adapter(),
              model.tasks(),
              Map.of("all", MadeOutcomes.group(group, model.tasks()))));
    }
    return models;
  }

  private static Difference difference(List<ModelResults> models) {
    return requireNonNull(Difference.between(models.getFirst(), models.get(1)).get("all"))
        .getFirst();
  }

  private static Interval judged(List<ModelResults> models, String metric) {
    Rule.On on = new Rule.On("all", metric, null);
    return Subject.of(on, models.get(1)).above(Subject.of(on, models.getFirst())).interval(0.95);
  }

  @Test
  void aGroupsDifferenceIsTheOneThatTheGateJudgesBy() throws Exception {
    Outcome two =
        new MadeOutcomes(folder)
            .choices("large", 300, i -> i < 150, i -> i < 240, "is it")
            .choices("small", 100, i -> i < 60, i -> i < 70, "is it")
            .outcome();
    for (String metric : List.of("acc", "brier_score")) {
      for (boolean bySize : List.of(true, false)) {
        List<ModelResults> models = grouped(two, metric, bySize);
        Difference d = difference(models);
        assertThat(new Interval(d.low(), d.high())).isEqualTo(judged(models, metric));
        assertThat(d.value()).isStrictlyBetween(d.low(), d.high());
        assertThat(d.test()).isEqualTo("bootstrap");
        assertThat(d.counted()).isFalse();
        assertThat(d.p()).isLessThan(0.001);
        assertThat(d.detectable()).isPositive();
      }
    }
    Difference d = difference(grouped(two, "acc", true));
    assertThat(d.first()).isEqualTo(0.525); // 210 of 400
    assertThat(d.value()).isCloseTo(0.25, within(1e-12)); // 310 of them
  }

  @Test
  void tasksWhoseScoresDidNotChangeAreNotCertaintyInAGroupEither() throws Exception {
    Outcome same =
        new MadeOutcomes(folder)
            .texts("a", 40, MadeOutcomes.mean("rougeL", true), i -> 0.5, i -> 0.5, "q", "s")
            .texts("b", 30, MadeOutcomes.mean("rougeL", true), i -> 0.2, i -> 0.2, "q", "s")
            .outcome();
    List<ModelResults> models = grouped(same, "rougeL", false);
    Difference d = difference(models);
    assertThat(d.value()).isZero();
    double unseen = Interval.wilsonAt(0, 30, 0.95).high(); // of the task with the fewest
    assertThat(d.high()).isCloseTo(unseen, within(1e-12));
    assertThat(new Interval(d.low(), d.high())).isEqualTo(judged(models, "rougeL"));
  }

  @Test
  void aTaskOfFewDocumentsMakesItsGroupUnknown() throws Exception {
    Outcome few =
        new MadeOutcomes(folder)
            .choices("large", 300, i -> i < 150, i -> i < 240, "is it")
            .choices("few", Resampled.FEWEST - 1, i -> i < 6, i -> i < 7, "is it")
            .outcome();
    List<ModelResults> models = grouped(few, "acc", true);
    Difference d = difference(models);
    assertThat(d.value()).isPositive();
    assertThat(new double[] {d.low(), d.high(), d.p(), d.detectable()}).containsOnly(Double.NaN);
    assertThat(judged(models, "acc")).isEqualTo(Interval.UNKNOWN);
  }
}
