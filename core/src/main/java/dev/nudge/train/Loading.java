package dev.nudge.train;

import dev.nudge.machine.Backend;
import dev.nudge.machine.Machine;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.plan.Plan;
import dev.nudge.settings.train.TrainSettings;
import java.util.List;
import java.util.Set;

/// What the model of a run is loaded by: all of a run but its rows.
///
/// @param added ids of tokens that the run adds
/// @param changing paths of layers whose weight trains
record Loading(
    TrainSettings settings,
    Machine machine,
    ModelConfig config,
    Backend backend,
    List<Integer> added,
    Set<String> changing,
    Plan plan) {

  /// Tells whether mapped weights are streamed: they do not fit into memory beside the rest.
  boolean streams() {
    return plan.footprint().mapped() > roomBeside();
  }

  /// Bytes of the allowed memory that the plan leaves to the page cache.
  long roomBeside() {
    long memory = settings.memory() == null ? machine.memoryBytes() : settings.memory().bytes();
    return memory - plan.totalBytes();
  }

  /// Threads of all lanes.
  int threads() {
    return plan.lanes() * plan.threadsPerLane();
  }
}
