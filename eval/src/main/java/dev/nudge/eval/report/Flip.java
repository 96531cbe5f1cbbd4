package dev.nudge.eval.report;

import dev.nudge.eval.run.MetricItem;
import dev.nudge.eval.run.TaskScores;
import dev.nudge.eval.run.TaskScores.Score;
import dev.nudge.eval.run.TaskScores.Scored;
import dev.nudge.eval.task.Sample;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import tools.jackson.databind.JsonNode;

/// A document that two models score differently, with prompt and answers.
///
/// @param id index of the document
/// @param first score of the earlier model
/// @param second score of the later model
/// @param choices multiple-choice options with both models' probabilities; may be empty
record Flip(
    int id,
    double first,
    double second,
    String prompt,
    String target,
    String saidBefore,
    String saidAfter,
    List<Choice> choices) {

  /// An option of a multiple-choice document.
  ///
  /// @param before probability by the earlier model, NaN: unknown
  record Choice(String text, boolean right, double before, double after) {}

  /// The changed documents, largest change first.
  ///
  /// @param better improved documents
  /// @param worse regressed documents
  /// @param counted whether each score is right or wrong, so better means fixed and worse broken
  record Flips(List<Flip> better, List<Flip> worse, boolean counted) {
    static final Flips NONE = new Flips(List.of(), List.of(), true);
  }

  /// Finds the flips of a metric with per-document values; empty for other metrics.
  static Flips of(TaskScores before, TaskScores after, Score first, Score second, boolean counted) {
    List<Flip> better = new ArrayList<>();
    List<Flip> worse = new ArrayList<>();
    List<Scored> samples = samples(before, first.filter());
    List<Scored> others = samples(after, second.filter());
    boolean higher = second.metric().higherIsBetter();
    for (int i = 0; i < samples.size(); i++) {
      if (first.items().get(i) instanceof MetricItem.Value was
          && second.items().get(i) instanceof MetricItem.Value is
          && was.value() != is.value()
          && !Double.isNaN(was.value() - is.value())) {
        boolean up = is.value() > was.value() == higher;
        (up ? better : worse).add(of(samples.get(i), others.get(i), was.value(), is.value()));
      }
    }
    Comparator<Flip> most =
        Comparator.<Flip>comparingDouble(f -> -Math.abs(f.second - f.first))
            .thenComparingInt(Flip::id);
    better.sort(most);
    worse.sort(most);
    return new Flips(better, worse, counted);
  }

  static List<Scored> samples(TaskScores task, String filter) {
    return task.samples().stream().filter(s -> s.filter().equals(filter)).toList();
  }

  private static Flip of(Scored before, Scored after, double was, double is) {
    Sample sample = after.sample();
    double[] one = Reliability.chances(before);
    double[] two = Reliability.chances(after);
    List<Choice> choices = new ArrayList<>();
    List<Integer> right = sample.goldPlaces();
    for (int i = 0; i < sample.choices().size(); i++) {
      choices.add(
          new Choice(
              sample.choices().get(i),
              right.contains(i),
              i < one.length ? one[i] : Double.NaN,
              i < two.length ? two[i] : Double.NaN));
    }
    return new Flip(
        sample.id(),
        was,
        is,
        sample.requests().isEmpty() ? "" : sample.requests().getFirst().first(),
        target(sample),
        said(before, one),
        said(after, two),
        choices);
  }

  private static String target(Sample sample) {
    int gold = sample.goldPlace();
    return gold >= 0 ? sample.choices().get(gold) : text(sample.target());
  }

  private static String said(Scored scored, double[] chances) {
    if (chances.length > 0) {
      int best = 0;
      for (int i = 1; i < chances.length; i++) {
        best = chances[i] > chances[best] ? i : best;
      }
      return scored.sample().choices().get(best);
    }
    JsonNode first = scored.answers().isEmpty() ? null : scored.answers().getFirst();
    return first == null ? "" : text(first.isArray() && first.size() == 1 ? first.path(0) : first);
  }

  private static String text(JsonNode node) {
    return node.isString() ? node.stringValue() : node.toString();
  }
}
