package dev.nudge.train.optimizer;

import dev.nudge.kernel.AdamW;
import dev.nudge.kernel.AdamW8;
import dev.nudge.kernel.Kernels;
import dev.nudge.settings.train.Optimizer;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// AdamW's two moments for a piece of a parameter: in the accumulator type, or in 8 bits.
sealed interface Moments {
  /// Smaller parameters keep fp32 moments, as in bitsandbytes: norms and biases are sensitive and
  /// cost little memory.
  int LEAST_CODED = 4096;

  /// Makes one AdamW update; all tensors are rows of equal length.
  void step(Kernels kernels, Tensor master, @Nullable Tensor work, Tensor grad, AdamW.Hyper hyper);

  /// The tensors of the moments by name, as a checkpoint holds them.
  Map<String, Tensor> parts();

  /// Selects the type of a parameter's moments.
  enum Form {
    /// Moments are floats of the accumulator type.
    WHOLE,
    /// Moments are codes of 8 bits.
    CODED;

    static Form of(Optimizer optimizer, Dtype acc, long elements) {
      boolean coded =
          optimizer == Optimizer.ADAMW_8BIT && acc == Dtype.F32 && elements >= LEAST_CODED;
      return coded ? CODED : WHOLE;
    }

    /// Bytes for `n` numbers.
    long bytes(Dtype acc, int n) {
      return switch (this) {
        case WHOLE -> 2L * n * acc.bytes();
        case CODED -> 2L * n + 2 * 4 * AdamW8.blocks(n);
      };
    }

    /// Creates the moments of `n` numbers in zeroed memory.
    Moments over(MemorySegment memory, Dtype acc, int n) {
      return switch (this) {
        case WHOLE ->
            new Whole(
                Tensor.of(memory, acc, 1, n),
                Tensor.of(memory.asSlice((long) n * acc.bytes()), acc, 1, n));
        case CODED -> {
          long blocks = AdamW8.blocks(n);
          yield new Coded(
              Tensor.of(memory.asSlice(8 * blocks), Dtype.U8, 1, n),
              Tensor.of(memory, Dtype.F32, 1, blocks),
              Tensor.of(memory.asSlice(8 * blocks + n), Dtype.U8, 1, n),
              Tensor.of(memory.asSlice(4 * blocks), Dtype.F32, 1, blocks));
        }
      };
    }
  }

  /// Moments as floats.
  record Whole(Tensor m, Tensor v) implements Moments {
    @Override
    public void step(
        Kernels kernels, Tensor master, @Nullable Tensor work, Tensor grad, AdamW.Hyper hyper) {
      kernels.adamW().step(master, work, grad, m, v, hyper);
    }

    @Override
    public Map<String, Tensor> parts() {
      return Map.of("exp_avg", m, "exp_avg_sq", v);
    }
  }

  /// Moments as 8-bit codes and the absolute maximum of each block.
  record Coded(Tensor m, Tensor mMax, Tensor v, Tensor vMax) implements Moments {
    @Override
    public void step(
        Kernels kernels, Tensor master, @Nullable Tensor work, Tensor grad, AdamW.Hyper hyper) {
      kernels.adamW8().step(master, work, grad, m, mMax, v, vMax, hyper);
    }

    @Override
    public Map<String, Tensor> parts() {
      return Map.of(
          "exp_avg.codes", m,
          "exp_avg.absmax", mMax,
          "exp_avg_sq.codes", v,
          "exp_avg_sq.absmax", vMax);
    }
  }
}
