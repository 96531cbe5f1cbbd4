package dev.nudge.server.experiments;

import dev.nudge.eval.BetaMixture;
import dev.nudge.eval.Estimate;
import dev.nudge.eval.Holm;
import dev.nudge.eval.Interval;
import dev.nudge.eval.NormalMixture;
import dev.nudge.eval.SampleRatio;
import dev.nudge.eval.Wins;
import java.util.ArrayList;
import java.util.List;

/// The statistical analysis of an experiment at one moment, valid after every request
/// (always-valid inference).
///
/// **Metric.** The difference of the arms per stage, with standard errors clustered by unit,
/// pooled over stages by inverse variance; interval and p-value of [NormalMixture], from
/// `min_sample` units per arm on. Preference is a win rate, tested by [Wins].
///
/// **Event guardrails** (error, empty answer, slow first token): under "no difference" a unit with
/// its first event is in an arm with exactly its assignment probability, at any load and time of
/// day. So the arm's share of first events is tested by one-sided [BetaMixture] against π r / (π r
/// + 1 − π), where π is the arm's share of units and r the tolerated ratio. The test is exact from
/// the first event on. A first token is slow above the control arm's 95 % quantile so far.
///
/// **Length guardrail**: the arm's mean minus r times the control's, one-sided.
///
/// **Multiple testing**: Holm over the arms for the metric, and over all guardrails and arms.
///
/// @param sampleRatio test for sample ratio mismatch
/// @param comparisons comparisons by the metric, one per arm but the first
/// @param watched test of each guardrail for each arm but the first
record Analysis(SampleRatio sampleRatio, List<ArmComparison> comparisons, List<Watched> watched) {
  private static final double TIGHTEST_AT = 100; // first events

  /// The fewest pairs for which a win rate is shown. With fewer its interval is valid but too wide
  /// to draw.
  private static final int FEWEST_PAIRS = 20;

  static Analysis of(ExperimentTotals tally) {
    Definition definition = tally.definition();
    List<ArmComparison> comparisons = new ArrayList<>();
    List<Watched> watched = new ArrayList<>();
    for (int arm = 1; arm < definition.arms().size(); arm++) {
      comparisons.add(comparison(tally, arm));
      for (Guardrail guardrail : definition.guardrails()) {
        watched.add(new Watched(guardrail, arm, p(tally, guardrail, arm), 1));
      }
    }
    double[] byMetric = Holm.adjusted(comparisons.stream().mapToDouble(ArmComparison::p).toArray());
    double[] byGuardrail = Holm.adjusted(watched.stream().mapToDouble(Watched::p).toArray());
    for (int i = 0; i < byMetric.length; i++) {
      comparisons.set(i, comparisons.get(i).adjustedTo(byMetric[i]));
    }
    for (int i = 0; i < byGuardrail.length; i++) {
      watched.set(i, watched.get(i).adjustedTo(byGuardrail[i]));
    }
    SampleRatio ratio =
        definition.mode() == Mode.SHADOW
            ? SampleRatio.NONE
            : SampleRatio.sum(tally.stages().stream().map(Stage::sampleRatio).toList());
    return new Analysis(ratio, comparisons, watched);
  }

  /// Returns the mixture for means, tightest at ten times `min_sample`.
  static NormalMixture mixture(Definition definition) {
    return NormalMixture.of(definition.alpha(), 10.0 * definition.minSample());
  }

  private static ArmComparison comparison(ExperimentTotals tally, int arm) {
    Definition definition = tally.definition();
    double alpha = definition.alpha() / (definition.arms().size() - 1);
    if (definition.metric() == ArmMetric.PREFERRED) {
      Wins wins = tally.pairs.wins;
      Interval share = wins.interval(alpha);
      Interval interval = new Interval(share.low() - 0.5, share.high() - 0.5);
      return new ArmComparison(
          arm, wins.share() - 0.5, interval, wins.p(), 1, wins.decided(), FEWEST_PAIRS);
    }
    NormalMixture mixture = mixture(definition);
    long have = have(tally, definition.metric(), arm);
    boolean enough = have >= definition.minSample();
    Estimate difference = difference(tally, definition.metric(), arm, 1);
    return new ArmComparison(
        arm,
        difference.value(),
        enough ? mixture.at(alpha).interval(difference) : EVERYTHING,
        enough ? mixture.p(difference) : 1,
        1,
        have,
        definition.minSample());
  }

  static final Interval EVERYTHING =
      new Interval(Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY);

  /// Returns the smaller number of units with a value, of the control arm and this one.
  private static long have(ExperimentTotals tally, ArmMetric metric, int arm) {
    if (tally.definition().mode() == Mode.SHADOW) {
      return tally.pairs.length.units();
    }
    long first = 0;
    long other = 0;
    for (Stage stage : tally.stages()) {
      if (stage.compares(arm)) {
        first += stage.sums(metric, 0).units();
        other += stage.sums(metric, arm).units();
      }
    }
    return Math.min(first, other);
  }

  /// Estimates the arm's value minus `times` the control's, pooled over stages.
  private static Estimate difference(
      ExperimentTotals tally, ArmMetric metric, int arm, double times) {
    if (tally.definition().mode() == Mode.SHADOW) {
      return tally.pairs.length.ratio(0);
    }
    List<Estimate> stages = new ArrayList<>();
    for (Stage stage : tally.stages()) {
      if (stage.compares(arm)) {
        Estimate first = stage.sums(metric, 0).ratio(metric.prior());
        stages.add(stage.sums(metric, arm).ratio(metric.prior()).minus(first.times(times)));
      }
    }
    return Estimate.pooled(stages);
  }

  private static double p(ExperimentTotals tally, Guardrail guardrail, int arm) {
    double tolerated = 1 + guardrail.tolerance();
    if (guardrail.metric() == ArmMetric.LENGTH) {
      return have(tally, ArmMetric.LENGTH, arm) >= tally.definition().minSample()
          ? mixture(tally.definition()).pAbove(difference(tally, ArmMetric.LENGTH, arm, tolerated))
          : 1;
    }
    double log = 0;
    for (Stage stage : tally.stages()) {
      if (stage.compares(arm)) {
        double odds = stage.share(arm) / (1 - stage.share(arm)) * tolerated;
        double share = odds / (1 + odds);
        long[] events = stage.events(guardrail.metric());
        log +=
            BetaMixture.around(share, TIGHTEST_AT)
                .logEvidenceAbove(events[arm], events[0] + events[arm], share);
      }
    }
    return BetaMixture.p(log);
  }
}
