package dev.nudge.nn;

import dev.nudge.kernel.Kernels;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import org.jspecify.annotations.Nullable;

/// Wraps a layer of the same shape; the frozen weight and bias are the wrapped layer's.
public interface LinearWrapper extends Linear {
  /// The layer inside.
  Linear base();

  @Override
  default int in() {
    return base().in();
  }

  @Override
  default int out() {
    return base().out();
  }

  /// Returns the base's weight without this update.
  @Override
  default Tensor weight(int from, int to, Workspace ws, Kernels kernels) {
    return base().weight(from, to, ws, kernels);
  }

  @Override
  default int grain() {
    return base().grain();
  }

  @Override
  default @Nullable Tensor bias() {
    return base().bias();
  }

  @Override
  default void ask() {
    base().ask();
  }

  @Override
  default Linear under() {
    return base().under();
  }
}
