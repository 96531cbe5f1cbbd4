package dev.nudge.server.experiments;

import dev.nudge.eval.Clusters;
import dev.nudge.eval.SampleRatio;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/// What was counted of the units that came in one stage of an experiment, in which the arms' shares
/// were the same all the time. Only within a stage are arms compared; stages are pooled then, so
/// that a canary's first days are not held against its last ones.
///
/// Threading: the experiment's lock.
final class Stage {
  private final double[] weights;
  private final long[] units;
  private final Map<ArmMetric, List<Clusters>> sums = new EnumMap<>(ArmMetric.class);
  private final Map<ArmMetric, long[]> events = new EnumMap<>(ArmMetric.class);

  /// @param weights of the arms
  Stage(double[] weights) {
    this.weights = weights;
    this.units = new long[weights.length];
    for (ArmMetric metric : ArmMetric.values()) {
      sums.put(metric, Stream.generate(Clusters::new).limit(weights.length).toList());
      events.put(metric, new long[weights.length]);
    }
  }

  /// A unit came that was not here before.
  void unit(int arm) {
    units[arm]++;
  }

  long units(int arm) {
    return units[arm];
  }

  Clusters sums(ArmMetric metric, int arm) {
    return sums.getOrDefault(metric, List.of()).get(arm);
  }

  /// A unit, or a request of nobody, had something happen for the first time.
  void event(ArmMetric metric, int arm) {
    events(metric)[arm]++;
  }

  long[] events(ArmMetric metric) {
    return events.getOrDefault(metric, units);
  }

  /// The share of an arm among itself and the first.
  double share(int arm) {
    return weights[arm] / (weights[0] + weights[arm]);
  }

  /// Whether both the first arm and this one have units in this stage.
  boolean compares(int arm) {
    return weights[0] > 0 && weights[arm] > 0;
  }

  SampleRatio sampleRatio() {
    return SampleRatio.of(units, weights);
  }
}
