package dev.nudge.train;

import dev.nudge.kernel.AdamW;
import dev.nudge.kernel.Kernels;
import dev.nudge.nn.Parameter;
import dev.nudge.settings.OptimizerSettings;
import dev.nudge.tensor.Lanes;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/// AdamW over all parameters, with fp32 masters and moments.
///
/// [#reduce] adds the lanes' gradients in lane order and gives the global norm, summed in parameter
/// order; [#apply] updates and clears, [#clear] only clears. Parameters are dealt to the lanes by
/// their number, so nothing depends on timing.
///
/// Threading: called between passes, from the thread that runs the lanes.
final class Optimizer implements AutoCloseable {
  private final List<Parameter> parameters;
  private final Kernels kernels;
  private final Lanes lanes;
  private final OptimizerSettings settings;
  private final Scope scope = Scope.open("optimizer");
  private final List<Tensor> m = new ArrayList<>();
  private final List<Tensor> v = new ArrayList<>();
  private long updates;

  Optimizer(List<Parameter> parameters, OptimizerSettings settings, Kernels kernels, Lanes lanes) {
    this.parameters = parameters;
    this.settings = settings;
    this.kernels = kernels;
    this.lanes = lanes;
    for (Parameter p : parameters) {
      m.add(scope.tensor(p.master().dtype(), p.master().shape()));
      v.add(scope.tensor(p.master().dtype(), p.master().shape()));
    }
  }

  /// Bytes of state for `elements` parameters.
  static long bytes(long elements) {
    return 8 * elements;
  }

  /// Adds all lanes' gradients into the first lane's.
  ///
  /// @return the norm of all gradients together
  double reduce() {
    double[] squares = new double[parameters.size()];
    each(
        i -> {
          Parameter p = parameters.get(i);
          for (int lane = 1; lane < p.lanes(); lane++) {
            kernels.elementwise().add(p.gradient(lane), p.gradient(0));
          }
          squares[i] = kernels.elementwise().sumOfSquares(p.gradient(0));
        });
    double sum = 0;
    for (double s : squares) {
      sum += s;
    }
    return Math.sqrt(sum);
  }

  /// Updates all parameters at a rate, gradients clipped from `norm`, and clears the gradients.
  void apply(double rate, double norm) {
    updates++;
    double max = settings.maxGradNorm();
    double clip = max == 0 ? 1 : Math.min(1, max / (norm + 1e-6));
    each(
        i -> {
          Parameter p = parameters.get(i);
          kernels
              .adamW()
              .step(
                  p.master(),
                  p.work() == p.master() ? null : p.work(),
                  p.gradient(0),
                  m.get(i),
                  v.get(i),
                  new AdamW.Hyper(
                      rate,
                      settings.beta1(),
                      settings.beta2(),
                      settings.epsilon(),
                      p.decay() ? settings.weightDecay() : 0,
                      clip,
                      updates));
          clear(p);
        });
  }

  /// Drops the gradients of a step that is skipped.
  void clear() {
    each(i -> clear(parameters.get(i)));
  }

  private static void clear(Parameter p) {
    for (int lane = 0; lane < p.lanes(); lane++) {
      p.gradient(lane).zero();
    }
  }

  private interface ForParameter {
    void run(int i);
  }

  private void each(ForParameter work) {
    lanes.run(
        lane -> {
          for (int i = lane; i < parameters.size(); i += lanes.count()) {
            work.run(i);
          }
          return lane;
        });
  }

  @Override
  public void close() {
    scope.close();
  }
}
