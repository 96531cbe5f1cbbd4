package dev.nudge.adapter;

import dev.nudge.kernel.Kernels;
import dev.nudge.nn.Linear;
import dev.nudge.nn.Pass;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;

/// A linear layer with an adapter around it: A and B, and what a [Lora.Variant] does behind them.
public sealed interface AdaptedLinear extends Linear permits LoraLinear, DoraLinear {
  /// A and B.
  LoraLinear lora();

  /// Whether [#finish] does anything.
  boolean finishes();

  /// Completes rows of the output to which base and B·A were added: what a bank does to the rows
  /// of one adapter.
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
}
