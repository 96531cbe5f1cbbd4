package dev.nudge.train;

import dev.nudge.kernel.Kernels;
import dev.nudge.nn.Parameter;
import dev.nudge.settings.OptimizerSettings;
import dev.nudge.tensor.Lanes;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Holds parameters that are updated together: their optimiser and its settings, the clipping of
/// their common gradient, the number of updates, and all of that as a checkpoint keeps it.
///
/// Threading: as [AdamWOptimizer].
final class ParameterGroup implements AutoCloseable {
  private final OptimizerSettings settings;
  private final Kernels kernels;
  private final AdamWOptimizer optimizer;
  private final TrainedState state;
  private boolean torn;

  /// @param paged folder of the file that holds the optimiser's state; null: it is held in memory
  ParameterGroup(
      List<Parameter> parameters,
      OptimizerSettings settings,
      Kernels kernels,
      Lanes lanes,
      @Nullable Path paged) {
    this.settings = settings;
    this.kernels = kernels;
    this.optimizer = new AdamWOptimizer(parameters, settings, kernels, lanes, paged);
    this.state = new TrainedState(parameters, optimizer);
  }

  /// Adds all lanes' gradients.
  ///
  /// @return their norm
  double reduce() {
    return optimizer.reduce();
  }

  /// Updates the parameters at a rate, gradients clipped by their norm, and clears the gradients.
  void update(double rate, double norm) {
    double max = settings.maxGradNorm();
    torn = true;
    optimizer.apply(rate, max == 0 ? 1 : Math.min(1, max / (norm + 1e-6)));
    torn = false;
  }

  /// Drops the gradients of a step that is skipped.
  void skip() {
    optimizer.clear();
  }

  /// Whether an update failed on its way, so that some parameters have moved and some have not.
  boolean torn() {
    return torn;
  }

  /// Updates made so far.
  long updates() {
    return optimizer.updates();
  }

  /// Writes all numbers that updates change into a file; never during one.
  void write(Path file) {
    state.write(file);
  }

  /// Puts back what [#write] wrote.
  ///
  /// @param updates that were made until then
  /// @throws dev.nudge.settings.InputException where the file is of other parameters
  void read(Path file, long updates) {
    state.read(file, kernels);
    optimizer.goOn(updates);
  }

  @Override
  public void close() {
    optimizer.close();
  }
}
