package dev.nudge.server.experiments;

import dev.nudge.eval.Clusters;
import dev.nudge.eval.SampleRatio;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/// Totals of the units that arrived in one stage, during which the arms' weights are constant.
/// Arms are compared within a stage and then pooled (stratification), so that a canary's early
/// days are not compared with its late ones.
///
/// Threading: guarded by the experiment's lock.
final class Stage {
  private final double[] weights;
  private final long[] units;
  private final Map<ArmMetric, List<Clusters>> sums = new EnumMap<>(ArmMetric.class);
  private final Map<ArmMetric, long[]> events = new EnumMap<>(ArmMetric.class);

  /// @param weights weights of the arms
  Stage(double[] weights) {
    this.weights = weights;
    this.units = new long[weights.length];
    for (ArmMetric metric : ArmMetric.values()) {
      sums.put(metric, Stream.generate(Clusters::new).limit(weights.length).toList());
      events.put(metric, new long[weights.length]);
    }
  }

  /// Counts a new unit.
  void unit(int arm) {
    units[arm]++;
  }

  long units(int arm) {
    return units[arm];
  }

  Clusters sums(ArmMetric metric, int arm) {
    return sums.getOrDefault(metric, List.of()).get(arm);
  }

  /// Counts the first event of a unit, or the event of a request without a unit.
  void event(ArmMetric metric, int arm) {
    events(metric)[arm]++;
  }

  long[] events(ArmMetric metric) {
    return events.getOrDefault(metric, units);
  }

  /// Returns the arm's share of the units of itself and the control.
  double share(int arm) {
    return weights[arm] / (weights[0] + weights[arm]);
  }

  /// Whether both the control and this arm get units in this stage.
  boolean compares(int arm) {
    return weights[0] > 0 && weights[arm] > 0;
  }

  SampleRatio sampleRatio() {
    return SampleRatio.of(units, weights);
  }
}
