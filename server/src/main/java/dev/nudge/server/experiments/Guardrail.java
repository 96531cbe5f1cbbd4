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
public record Guardrail(Metric metric, double tolerance) {
  /// What can be watched.
  static final Set<Metric> METRICS =
      EnumSet.of(Metric.ERROR_RATE, Metric.EMPTY_RATE, Metric.FIRST_TOKEN, Metric.LENGTH);

  /// What is watched by its events, which fall to arms as their units do if nothing is wrong.
  static final List<Metric> EVENTS =
      List.of(Metric.ERROR_RATE, Metric.EMPTY_RATE, Metric.FIRST_TOKEN);

  static final double TOLERANCE = 0.25;

  /// What is watched unless somebody says otherwise.
  static List<Guardrail> byDefault(Mode mode) {
    return METRICS.stream()
        .filter(metric -> metric != Metric.LENGTH)
        .filter(metric -> metric != Metric.FIRST_TOKEN || mode != Mode.SHADOW)
        .map(metric -> new Guardrail(metric, TOLERANCE))
        .toList();
  }
}
