package dev.nudge.server.experiments;

import dev.nudge.eval.Clusters;
import dev.nudge.eval.Estimate;
import dev.nudge.eval.Interval;
import dev.nudge.eval.Posterior;
import dev.nudge.eval.QuantileSketch;
import dev.nudge.eval.Wins;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Renders an experiment as maps and lists, for `GET /v1/experiments/NAME` and `nudge experiments
/// show`. Unknown numbers and infinite interval ends are null.
final class ExperimentReport {
  private static final double MEDIAN = 0.5;
  private static final double TAIL = 0.95;
  private static final Figure FIRST_P50 =
      new Figure("time to first token, p50", Figure.Unit.SECONDS);
  private static final Figure FIRST_P95 =
      new Figure("time to first token, p95", Figure.Unit.SECONDS);
  private static final List<ArmMetric> SHOWN =
      List.of(
          ArmMetric.SCORE,
          ArmMetric.ERROR_RATE,
          ArmMetric.EMPTY_RATE,
          ArmMetric.LENGTH,
          ArmMetric.SECONDS_PER_TOKEN,
          ArmMetric.FIRST_TOKEN);

  private ExperimentReport() {}

  /// @param lost number of events that could not be written
  /// @param whole whether to return the full report, not a list entry
  static Map<String, @Nullable Object> of(
      ExperimentTotals tally, History history, long lost, boolean whole) {
    Definition definition = tally.definition();
    Analysis analysis = Analysis.of(tally);
    ExperimentVerdict verdict = StoppingRule.verdict(tally, analysis, history, lost);
    ExperimentEvent.Stopped stopped = history.stopped();
    Map<String, @Nullable Object> report = new LinkedHashMap<>();
    report.put("object", "experiment");
    report.put("name", definition.name());
    report.put("mode", definition.modeWord());
    report.put("state", stopped == null ? "running" : "stopped");
    report.put(
        "verdict",
        map("state", verdict.state().word(), "arm", verdict.arm(), "reason", verdict.reason()));
    report.put("created", Instant.ofEpochMilli(history.created()).toString());
    report.put("requests", sum(definition, arm -> tally.arm(arm).requests));
    report.put("units", sum(definition, tally::units));
    if (definition.mode() == Mode.CANARY) {
      report.put("percent", definition.ramp().get(tally.stages().size() - 1));
    }
    if (!whole) {
      return report;
    }
    if (stopped != null) {
      report.put("stopped", stopped(definition, stopped, history));
    }
    report.put("metric", definition.metric().word());
    report.put("metric_name", definition.metric().figure().name());
    report.put("unit", definition.metric().figure().unit().word());
    report.put("more_is_better", definition.metric().moreIsBetter());
    report.put("alpha", definition.alpha());
    report.put("min_sample", definition.minSample());
    report.put("equivalence", definition.equivalence());
    report.put("salt", definition.salt());
    if (definition.mode() == Mode.CANARY) {
      report.put("ramp", definition.ramp());
      report.put("stage_units", definition.stageUnits());
    }
    report.put(
        "sample_ratio",
        map(
            "chi_square", analysis.sampleRatio().statistic(),
            "degrees", analysis.sampleRatio().degrees(),
            "p", analysis.sampleRatio().p(),
            "alarm", analysis.sampleRatio().alarm()));
    List<@Nullable Object> arms = new ArrayList<>();
    for (int i = 0; i < definition.arms().size(); i++) {
      arms.add(arm(tally, i));
    }
    report.put("arms", arms);
    report.put(
        "comparisons", analysis.comparisons().stream().map(c -> comparison(tally, c)).toList());
    report.put("guardrails", analysis.watched().stream().map(w -> watched(definition, w)).toList());
    if (definition.mode() == Mode.SHADOW) {
      report.put("pairs", pairs(tally.pairs));
    }
    return report;
  }

  private interface Count {
    long of(int arm);
  }

  private static long sum(Definition definition, Count count) {
    long sum = 0;
    for (int i = 0; i < definition.arms().size(); i++) {
      sum += count.of(i);
    }
    return sum;
  }

  private static Map<String, @Nullable Object> stopped(
      Definition definition, ExperimentEvent.Stopped stopped, History history) {
    Integer harmful = stopped.harmful();
    ExperimentEvent.RolledBack back = history.rolledBack();
    return map(
        "at", Instant.ofEpochMilli(stopped.at()).toString(),
        "reason", stopped.reason(),
        "arm", definition.arms().get(stopped.arm()).name(),
        "rolled_back",
            harmful == null || back == null || back.error() != null
                ? null
                : definition.arms().get(harmful).adapter(),
        "rollback_error", history.failure());
  }

  private static Map<String, @Nullable Object> arm(ExperimentTotals tally, int index) {
    Arm arm = tally.definition().arms().get(index);
    ArmTally counted = tally.arm(index);
    Map<String, @Nullable Object> all =
        map(
            "name", arm.name(),
            "adapter", arm.adapter(),
            "digest", arm.digest(),
            "weight", arm.weight(),
            "units", tally.units(index),
            "requests", counted.requests,
            "cancelled", counted.cancelled,
            "cold", counted.cold);
    Map<String, @Nullable Object> metrics = new LinkedHashMap<>();
    for (ArmMetric metric : ArmMetric.values()) {
      if (counted.weight(metric) > 0) {
        metrics.put(metric.word(), metric(tally, index, metric));
      }
    }
    all.put("metrics", metrics);
    all.put("figures", figures(tally, index));
    double alpha = tally.definition().alpha();
    all.put("first_token_seconds", quantiles(counted.firstToken, counted.firstTokenOfUnits, alpha));
    all.put("seconds", quantiles(counted.seconds, counted.secondsOfUnits, alpha));
    all.put("labels", counted.labels);
    return all;
  }

  /// Returns the figures of an arm. The mean time to first token is included only if it is the
  /// deciding metric; its percentiles are more informative.
  private static List<Object> figures(ExperimentTotals tally, int index) {
    ArmTally counted = tally.arm(index);
    int arms = tally.definition().arms().size();
    List<Object> figures = new ArrayList<>();
    for (ArmMetric metric : SHOWN) {
      boolean some = IntStream.range(0, arms).anyMatch(arm -> tally.arm(arm).weight(metric) > 0);
      if (some && (metric != ArmMetric.FIRST_TOKEN || tally.definition().metric() == metric)) {
        figures.add(figure(metric.figure(), counted.value(metric)));
      }
    }
    if (IntStream.range(0, arms).anyMatch(arm -> tally.arm(arm).firstToken.count() > 0)) {
      figures.add(figure(FIRST_P50, quantile(counted.firstToken, MEDIAN)));
      figures.add(figure(FIRST_P95, quantile(counted.firstToken, TAIL)));
    }
    return figures;
  }

  private static Map<String, @Nullable Object> figure(Figure figure, double value) {
    return map("name", figure.name(), "text", figure.text(value));
  }

  private static Map<String, @Nullable Object> metric(
      ExperimentTotals tally, int arm, ArmMetric metric) {
    Clusters units = new Clusters();
    tally.stages().forEach(stage -> units.merge(stage.sums(metric, arm)));
    Estimate estimate = units.ratio(metric.prior());
    Interval interval =
        units.units() < tally.definition().minSample()
            ? Analysis.EVERYTHING
            : Analysis.mixture(tally.definition()).interval(estimate);
    return map(
        "value", number(tally.arm(arm).value(metric)),
        "count", tally.arm(arm).weight(metric),
        "low", number(interval.low()),
        "high", number(interval.high()));
  }

  private static Map<String, @Nullable Object> quantiles(
      QuantileSketch all, QuantileSketch ofUnits, double alpha) {
    return map(
        "count", all.count(),
        "p50", quantile(all, ofUnits, MEDIAN, alpha),
        "p95", quantile(all, ofUnits, TAIL, alpha));
  }

  private static Map<String, @Nullable Object> quantile(
      QuantileSketch all, QuantileSketch ofUnits, double p, double alpha) {
    Interval interval = ofUnits.interval(p, alpha);
    return map(
        "value", number(quantile(all, p)),
        "low", number(interval.low()),
        "high", number(interval.high()));
  }

  /// Returns the quantile; NaN if fewer than one value is expected above it: with fewer than 20
  /// values the 95 % quantile is just the maximum.
  private static double quantile(QuantileSketch all, double p) {
    return all.count() * (1 - p) < 1 - 1e-9 ? Double.NaN : all.quantile(p);
  }

  /// Returns the comparison of an arm; unknown values are null.
  private static Map<String, @Nullable Object> comparison(
      ExperimentTotals tally, ArmComparison comparison) {
    Definition definition = tally.definition();
    boolean told = comparison.missing() == 0 || comparison.adjusted() <= definition.alpha();
    Map<String, @Nullable Object> all =
        map(
            "arm", definition.arms().get(comparison.arm()).name(),
            "against", definition.arms().getFirst().name(),
            "metric", definition.metric().word(),
            "missing", comparison.missing(),
            "note", told ? null : StoppingRule.missing(definition, comparison));
    difference(tally, comparison).forEach((key, value) -> all.put(key, told ? value : null));
    return all;
  }

  private static Map<String, @Nullable Object> difference(
      ExperimentTotals tally, ArmComparison comparison) {
    ArmTally first = tally.arm(0);
    ArmTally other = tally.arm(comparison.arm());
    ArmMetric metric = tally.definition().metric();
    Figure figure = metric.figure();
    double low = comparison.interval().low();
    double high = comparison.interval().high();
    boolean thumbs = metric == ArmMetric.SCORE && first.allThumbs() && other.allThumbs();
    Posterior posterior = Posterior.of(other.thumbsUp, other.thumbs);
    Posterior ofFirst = Posterior.of(first.thumbsUp, first.thumbs);
    return map(
        "difference", number(comparison.difference()),
        "low", number(low),
        "high", number(high),
        "difference_text", figure.text(comparison.difference()),
        "interval_text", figure.text(low) + " to " + figure.text(high),
        "p", comparison.p(),
        "p_adjusted", comparison.adjusted(),
        "chance_higher", thumbs ? posterior.above(ofFirst) : null,
        "expected_loss", thumbs ? posterior.expectedLoss(ofFirst) : null);
  }

  private static Map<String, @Nullable Object> watched(Definition definition, Watched watched) {
    return map(
        "metric", watched.guardrail().metric().word(),
        "tolerance", watched.guardrail().tolerance(),
        "arm", definition.arms().get(watched.arm()).name(),
        "p", watched.p(),
        "p_adjusted", watched.adjusted(),
        "alarm", watched.adjusted() <= definition.alpha());
  }

  private static Map<String, @Nullable Object> pairs(Pairs pairs) {
    Wins wins = pairs.wins;
    return map(
        "count", pairs.count,
        "wins", wins.wins(),
        "losses", wins.losses(),
        "ties", wins.ties(),
        "share", wins.decided() == 0 ? null : wins.share(),
        "share_low_at_end", wins.wilson().low(),
        "share_high_at_end", wins.wilson().high(),
        "equal_answers", pairs.answered == 0 ? null : pairs.same / (double) pairs.answered,
        "longer_by", pairs.length.units() < 2 ? null : pairs.length.ratio(0).value());
  }

  private static @Nullable Double number(double value) {
    return Double.isFinite(value) ? value : null;
  }

  private static Map<String, @Nullable Object> map(@Nullable Object... pairs) {
    Map<String, @Nullable Object> map = new LinkedHashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      map.put(String.valueOf(pairs[i]), pairs[i + 1]);
    }
    return map;
  }
}
