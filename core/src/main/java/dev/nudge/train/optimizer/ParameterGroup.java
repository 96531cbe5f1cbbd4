package dev.nudge.train.optimizer;

import dev.nudge.collective.Collective;
import dev.nudge.kernel.Kernels;
import dev.nudge.nn.Parameter;
import dev.nudge.settings.train.OptimizerSettings;
import dev.nudge.tensor.Lanes;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Parameters that are updated together, with their optimiser and its settings, gradient clipping
/// by the common norm, the number of updates, and their checkpoint.
///
/// Threading: as [AdamWOptimizer].
public final class ParameterGroup implements AutoCloseable {
  private final List<Parameter> parameters;
  private final OptimizerSettings settings;
  private final Kernels kernels;
  private final AdamWOptimizer optimizer;
  private final TrainedState state;
  private boolean torn;

  /// @param paged folder of the file that holds the optimiser state; null: it is held in memory
  public ParameterGroup(
      List<Parameter> parameters,
      OptimizerSettings settings,
      Kernels kernels,
      Lanes lanes,
      @Nullable Path paged) {
    this.parameters = List.copyOf(parameters);
    this.settings = settings;
    this.kernels = kernels;
    this.optimizer = new AdamWOptimizer(parameters, settings, kernels, lanes, paged);
    this.state = new TrainedState(parameters, optimizer);
  }

  /// Adds the gradients of all lanes of all ranks.
  ///
  /// @return their norm
  public double reduce(Collective ranks) {
    return optimizer.reduce(ranks);
  }

  /// Receives the state of rank 0.
  ///
  /// @param updates that rank 0 has made
  public void share(Collective ranks, long updates) {
    state.share(ranks, updates > 0, kernels);
    if (ranks.rank() > 0) {
      parameters.forEach(Parameter::changed);
      optimizer.goOn(updates);
    }
  }

  /// Updates the parameters by gradients clipped by their norm, then clears the gradients.
  public void update(double rate, double norm) {
    double max = settings.maxGradNorm();
    torn = true;
    optimizer.apply(rate, max == 0 ? 1 : Math.min(1, max / (norm + 1e-6)));
    parameters.forEach(Parameter::changed);
    torn = false;
  }

  /// Clears the gradients of a skipped step.
  public void skip() {
    optimizer.clear();
  }

  /// Whether an update failed midway, so that only some parameters have changed.
  public boolean torn() {
    return torn;
  }

  /// Updates made so far.
  public long updates() {
    return optimizer.updates();
  }

  /// Writes master weights and optimiser state into a file; never during an update.
  public void write(Path file) {
    state.write(file);
  }

  /// Restores the state that [#write] wrote.
  ///
  /// @param updates number of updates at that time
  /// @throws dev.nudge.settings.InputException if the file is of other parameters
  public void read(Path file, long updates) {
    state.read(file, kernels);
    parameters.forEach(Parameter::changed);
    optimizer.goOn(updates);
  }

  @Override
  public void close() {
    optimizer.close();
  }
}
