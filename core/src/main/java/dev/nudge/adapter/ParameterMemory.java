package dev.nudge.adapter;

import dev.nudge.kernel.Elementwise;
import dev.nudge.kernel.Kernels;
import dev.nudge.nn.Parameter;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;

/// Allocates the parameters of an adapter.
///
/// @param lanes number of gradients of each parameter; 0 for inference
/// @param frozen whether only working copies are needed: the adapter is neither trained nor saved
/// @param scope owns the parameters; a measuring scope allocates no memory for them
public record ParameterMemory(Dtype compute, int lanes, boolean frozen, Scope scope) {
  private static final Elementwise ELEMENTWISE = Kernels.fastest().elementwise();

  ParameterMemory(Dtype compute, int lanes, Scope scope) {
    this(compute, lanes, false, scope);
  }

  Parameter parameter(String name, int rows, int cols) {
    if (frozen) {
      return Parameter.frozen(name, scope.tensor(compute, rows, cols));
    }
    return new Parameter(name, true, rows, cols, compute, lanes, scope);
  }

  /// The vector of a variant, in the accumulator type: magnitudes, or the bias of B. Weight decay
  /// applies, as PyTorch has it for all that trains.
  Parameter vectorOf(String name, int cols) {
    return frozen
        ? Parameter.frozen(name, scope.tensor(compute.accumulator(), 1, cols))
        : new Parameter(name, true, 1, cols, compute, lanes, scope);
  }

  /// A and B that an adapter began with and that never train, with an exact copy for its file.
  Parameter start(String name, int rows, int cols) {
    return new Parameter(name, false, rows, cols, compute, 0, scope);
  }

  /// A bias or a norm, to which no weight decay applies.
  Parameter vector(String name, int cols) {
    return new Parameter(name, false, 1, cols, compute, lanes, scope);
  }

  boolean trains() {
    return lanes > 0;
  }

  boolean dry() {
    return scope.dry();
  }

  /// to ← from, converted; a vector is one row.
  public static void copy(Tensor from, Tensor to) {
    Tensor rows = from.rank() == 2 ? from : from.reshaped(1, from.elements());
    ELEMENTWISE.copy(rows, to);
  }

  /// x ← s·x.
  public static void scale(Tensor x, double s) {
    ELEMENTWISE.scale(x, s);
  }

  /// Bytes of master and working copy.
  static long bytesOfCopies(Parameter parameter) {
    Tensor master = parameter.master();
    Tensor work = parameter.work();
    return master.bytes() + (work == master ? 0 : work.bytes());
  }

  /// Refreshes the working copy of a parameter from its master, which has changed.
  static void round(Parameter parameter) {
    parameter.changed();
    Tensor master = parameter.master();
    Tensor work = parameter.work();
    if (!work.sameStart(master)) {
      copy(master, work);
    }
  }
}
