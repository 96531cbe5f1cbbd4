package dev.nudge.nn;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;

/// A linear layer whose weight is also an embedding's table: rows can be looked up in any storage
/// format.
public interface LookupLinear extends Linear {
  /// The type of [#weight].
  Dtype dtype();

  /// Copies rows of the weight.
  ///
  /// @param ids (rows, 1) I32
  /// @param x (rows, in), written
  void lookUp(Tensor ids, Tensor x, Pass p);
}
