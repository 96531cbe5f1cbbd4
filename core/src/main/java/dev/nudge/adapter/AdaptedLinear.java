package dev.nudge.adapter;

import dev.nudge.kernel.Kernels;
import dev.nudge.nn.Linear;
import dev.nudge.nn.Pass;
import dev.nudge.nn.StoredLinear;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import org.jspecify.annotations.Nullable;

/// A linear layer with an adapter around it.
public interface AdaptedLinear extends Linear {
  /// A placement of such a layer.
  interface Place extends SlotPlacement {
    @Override
    AdaptedLinear made();
  }

  /// Whether [#finish] does anything.
  boolean finishes();

  /// Completes rows of the output to which base, bias and updates were added: what a bank does to
  /// the rows of one adapter.
  ///
  /// @param y (rows, out), changed in place
  @Override
  void finish(Tensor y, Pass p);

  @Override
  AdaptedLinear around(Linear other);

  /// Rows `from` (inclusive) to `to` (exclusive) of the merged weight, with all updates of stacked
  /// adapters, summed in fp32.
  ///
  /// @param from a multiple of [#grain]
  /// @return (to − from, in) in the accumulator type, in the workspace
  Tensor merged(int from, int to, Workspace ws, Kernels kernels);

  /// The bias of the merged layer, (1, out) in the accumulator type.
  ///
  /// @return null if no adapter changes the bias
  @Nullable Tensor mergedBias(Scope scope);

  /// Rows of what an adapter on `base` adds to: the merged weight below, or the base's weight in
  /// the
  /// accumulator type; the caller may overwrite them.
  static Tensor below(Linear base, Dtype acc, int from, int to, Workspace ws, Kernels kernels) {
    if (base instanceof AdaptedLinear under) {
      return under.merged(from, to, ws, kernels);
    }
    Tensor weight = base.weight(from, to, ws, kernels);
    if (base instanceof StoredLinear && weight.dtype() == acc) {
      return weight;
    }
    Tensor copy = ws.take(acc, to - from, base.in());
    kernels.elementwise().copy(weight, copy);
    return copy;
  }
}
