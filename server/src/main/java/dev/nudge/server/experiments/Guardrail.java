package dev.nudge.server.experiments;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/// What must not get worse: it ends the experiment when the evidence is there, one-sided, and the
/// alias goes back.
///
/// @param metric what is watched
/// @param tolerance by how much an arm may be worse than the first, as a share: 0.25 allows 1.25
///     times as many errors
public record Guardrail(ArmMetric metric, double tolerance) {
  /// What can be watched.
  static final Set<ArmMetric> METRICS =
      EnumSet.of(
          ArmMetric.ERROR_RATE, ArmMetric.EMPTY_RATE, ArmMetric.FIRST_TOKEN, ArmMetric.LENGTH);

  /// What is watched by its events, which fall to arms as their units do if nothing is wrong.
  static final List<ArmMetric> EVENTS =
      List.of(ArmMetric.ERROR_RATE, ArmMetric.EMPTY_RATE, ArmMetric.FIRST_TOKEN);

  static final double TOLERANCE = 0.25;

  /// What is watched unless somebody says otherwise.
  static List<Guardrail> byDefault(Mode mode) {
    return METRICS.stream()
        .filter(metric -> metric != ArmMetric.LENGTH)
        .filter(metric -> metric != ArmMetric.FIRST_TOKEN || mode != Mode.SHADOW)
        .map(metric -> new Guardrail(metric, TOLERANCE))
        .toList();
  }
}
