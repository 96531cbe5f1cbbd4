package dev.nudge.bench;

import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.ModelConfig;
import dev.nudge.nn.Backend;

/// Makes models of random weights in memory.
final class RandomModel {
  private RandomModel() {}

  /// @param nf4 whether the linear layers but the head are NF4 with double quantisation
  static CausalLm of(ModelConfig shape, Backend backend, boolean nf4) {
    if (nf4) {
      throw new IllegalArgumentException("--quantize nf4: not yet");
    }
    return Checkpoint.random(shape, backend, 1);
  }
}
