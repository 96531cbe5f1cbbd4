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

/// What the sums of an experiment say at a moment. All of it may be looked at after every request.
///
/// **Metric.** Of each stage the difference of the arms, its error taken over units; the stages
/// pooled by their errors; the interval and p-value of [NormalMixture], from `min_sample` units an
/// arm on. Which answer is preferred is a rate, with the evidence of [Wins].
///
/// **Guardrails of events** (an error, an empty answer, a slow first token): under "no difference"
/// a unit that has its first event has an arm with just the chance that assignment gave it,
/// whatever else goes on, load and time of day included. So the share of the arm among first events
/// is tested by one-sided [BetaMixture] against π r / (π r + 1 − π), where π is the arm's share of
/// units and r the ratio that is tolerated. It is exact from the first event on. A first token is
/// slow above the 95 % quantile that the first arm has shown until then.
///
/// **Guardrail of length**: the arm's mean less r times the first one's, one-sided.
///
/// **Several at once**: Holm over the arms by the metric, and over all guardrails and arms.
///
/// @param sampleRatio whether units fell to arms by their weights
/// @param comparisons by the metric, one for each arm but the first
/// @param watched each guardrail for each arm but the first
record Analysis(SampleRatio sampleRatio, List<ArmComparison> comparisons, List<Watched> watched) {
  private static final double TIGHTEST_AT = 100; // first events

  /// Pairs from which a share of wins is shown. Its interval holds for any number; below this it
  /// is so wide that a drawing of it says nothing.
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

  /// The mixture for means of an experiment: tightest at ten times the least sample.
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

  /// The units with a value in the first arm and in this one, the fewer of them.
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

  /// The arm's value less `times` the first one's, the stages pooled.
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
