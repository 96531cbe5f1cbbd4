package dev.nudge.server.experiments;

import dev.nudge.eval.Interval;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// The stopping rule of an experiment: derives a verdict, a stop, or the next canary stage from an
/// analysis.
///
/// "Worse" by a guardrail or the metric stops the experiment at once, for any arm. "Better" and "no
/// difference" are recorded, and the experiment and its guardrails continue until a user stops it.
/// During a sample ratio mismatch only guardrails decide, and the canary does not advance.
final class StoppingRule {

  private StoppingRule() {}

  /// Returns the events that follow from the current totals, in order.
  ///
  /// @param decided the earlier verdict; null: none
  static List<ExperimentEvent> after(
      ExperimentTotals tally, ExperimentEvent.@Nullable Decided decided, long at) {
    if (decided != null
        && decided.state() == ExperimentVerdict.State.WORSE
        && decided.arm() != null) { // the stop event could not be written
      return List.of(new ExperimentEvent.Stopped(0, decided.reason(), decided.arm(), at));
    }
    Definition definition = tally.definition();
    Analysis analysis = Analysis.of(tally);
    List<ExperimentEvent> events = new ArrayList<>();
    for (Watched watched : analysis.watched()) {
      if (watched.adjusted() <= definition.alpha()) {
        return worse(watched.arm(), reason(definition, watched), at);
      }
    }
    if (analysis.sampleRatio().alarm()) {
      return List.of();
    }
    if (decided == null) {
      for (ArmComparison comparison : analysis.comparisons()) {
        if (comparison.adjusted() <= definition.alpha() && !better(definition, comparison)) {
          return worse(comparison.arm(), reason(definition, comparison), at);
        }
      }
      ExperimentEvent verdict = verdict(definition, analysis, at);
      if (verdict != null) {
        events.add(verdict);
      }
    }
    int stage = tally.stages().size() - 1;
    if (definition.mode() == Mode.CANARY
        && stage + 1 < definition.ramp().size()
        && tally.stage().units(1) >= definition.stageUnits()) {
      events.add(new ExperimentEvent.Staged(stage + 1, at));
    }
    return events;
  }

  private static List<ExperimentEvent> worse(int arm, String reason, long at) {
    return List.of(
        new ExperimentEvent.Decided(ExperimentVerdict.State.WORSE, arm, reason, at),
        new ExperimentEvent.Stopped(0, reason, arm, at));
  }

  private static @Nullable ExperimentEvent verdict(
      Definition definition, Analysis analysis, long at) {
    for (ArmComparison comparison : analysis.comparisons()) {
      if (comparison.adjusted() <= definition.alpha()) {
        return new ExperimentEvent.Decided(
            ExperimentVerdict.State.BETTER, comparison.arm(), reason(definition, comparison), at);
      }
    }
    Double margin = definition.equivalence();
    if (margin == null
        || !analysis.comparisons().stream().allMatch(c -> c.interval().within(margin))) {
      return null;
    }
    Figure figure = definition.metric().figure();
    return new ExperimentEvent.Decided(
        ExperimentVerdict.State.NO_DIFFERENCE,
        null,
        "%s: the interval of every difference lies within ±%s"
            .formatted(figure.name(), figure.text(margin)),
        at);
  }

  private static boolean better(Definition definition, ArmComparison comparison) {
    return comparison.difference() > 0 == definition.metric().moreIsBetter();
  }

  private static String reason(Definition definition, ArmComparison comparison) {
    Interval interval = comparison.interval();
    Figure figure = definition.metric().figure();
    return String.format(
        Locale.ROOT,
        "%s: %s less %s is %s, interval %s to %s, p = %.2g",
        figure.name(),
        definition.arms().get(comparison.arm()).name(),
        definition.arms().getFirst().name(),
        figure.text(comparison.difference()),
        figure.text(interval.low()),
        figure.text(interval.high()),
        comparison.adjusted());
  }

  private static String reason(Definition definition, Watched watched) {
    return String.format(
        Locale.ROOT,
        "guardrail %s: %s is more than %s times as bad as %s, p = %.2g",
        watched.guardrail().metric().word(),
        definition.arms().get(watched.arm()).name(),
        1 + watched.guardrail().tolerance(),
        definition.arms().getFirst().name(),
        watched.adjusted());
  }

  /// Returns the current verdict.
  ///
  /// @param lost number of events that could not be written
  static ExperimentVerdict verdict(
      ExperimentTotals tally, Analysis analysis, History history, long lost) {
    Definition definition = tally.definition();
    ExperimentEvent.Decided decided = history.decided();
    if (lost > 0) {
      return new ExperimentVerdict(
          ExperimentVerdict.State.INVALID,
          null,
          lost + " of its events could not be written; give its disk room and begin another");
    }
    if (decided != null && decided.state() == ExperimentVerdict.State.WORSE) {
      return said(definition, decided);
    }
    if (analysis.sampleRatio().alarm()) {
      return new ExperimentVerdict(
          ExperimentVerdict.State.INVALID,
          null,
          String.format(
              Locale.ROOT,
              "units do not fall to arms by their weights (chi-square %.4g, p = %.2g): some are"
                  + " lost",
              analysis.sampleRatio().statistic(),
              analysis.sampleRatio().p()));
    }
    if (decided != null) {
      return said(definition, decided);
    }
    String missing = missing(definition, analysis);
    return history.stopped() == null
        ? new ExperimentVerdict(ExperimentVerdict.State.COLLECTING, null, missing)
        : new ExperimentVerdict(
            ExperimentVerdict.State.UNDECIDED,
            null,
            "it was stopped without a verdict: " + missing);
  }

  private static ExperimentVerdict said(Definition definition, ExperimentEvent.Decided decided) {
    Integer arm = decided.arm();
    return new ExperimentVerdict(
        decided.state(), arm == null ? null : definition.arms().get(arm).name(), decided.reason());
  }

  private static String missing(Definition definition, Analysis analysis) {
    for (ArmComparison comparison : analysis.comparisons()) {
      if (comparison.missing() > 0) {
        return missing(definition, comparison);
      }
    }
    return "the intervals are too wide to say";
  }

  /// Describes the number of units that a comparison still needs.
  static String missing(Definition definition, ArmComparison comparison) {
    ArmMetric metric = definition.metric();
    String first = definition.arms().getFirst().name();
    String other = definition.arms().get(comparison.arm()).name();
    return "%,d of %,d %s; %,d more are needed before a difference is told"
        .formatted(
            comparison.have(),
            comparison.need(),
            metric == ArmMetric.PREFERRED
                ? "pairs of which one answer was preferred"
                : "units with %s in %s and in %s".formatted(metric.word(), first, other),
            comparison.missing());
  }
}
