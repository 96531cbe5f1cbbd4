package dev.nudge.server.experiments;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/// A guardrail metric: if an arm is shown to be worse, one-sided, the experiment stops and the
/// arm's alias is rolled back.
///
/// @param metric the watched metric
/// @param tolerance tolerated relative degradation: 0.25 allows 1.25 times as many errors
public record Guardrail(ArmMetric metric, double tolerance) {
  /// Metrics that can be guardrails.
  static final Set<ArmMetric> METRICS =
      EnumSet.of(
          ArmMetric.ERROR_RATE, ArmMetric.EMPTY_RATE, ArmMetric.FIRST_TOKEN, ArmMetric.LENGTH);

  /// Guardrails tested by the first event of each unit: with equal arms, an arm's share of first
  /// events equals its share of units.
  static final List<ArmMetric> EVENTS =
      List.of(ArmMetric.ERROR_RATE, ArmMetric.EMPTY_RATE, ArmMetric.FIRST_TOKEN);

  static final double TOLERANCE = 0.25;

  /// Returns the default guardrails.
  static List<Guardrail> byDefault(Mode mode) {
    return METRICS.stream()
        .filter(metric -> metric != ArmMetric.LENGTH)
        .filter(metric -> metric != ArmMetric.FIRST_TOKEN || mode != Mode.SHADOW)
        .map(metric -> new Guardrail(metric, TOLERANCE))
        .toList();
  }
}
