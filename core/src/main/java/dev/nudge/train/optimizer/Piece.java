package dev.nudge.train.optimizer;

import dev.nudge.collective.Collective;
import dev.nudge.kernel.AdamW;
import dev.nudge.kernel.Kernels;
import dev.nudge.nn.Parameter;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// A piece of one parameter with its optimiser state and gradients. It is so small that data read
/// by one sweep is still in the second-level cache for the next.
///
/// @param decay whether weight decay applies
/// @param rate factor of the learning rate
/// @param work working copy; null if products read the master
/// @param gradients of each lane
record Piece(
    boolean decay,
    double rate,
    Tensor master,
    @Nullable Tensor work,
    List<Tensor> gradients,
    Moments moments) {
  /// The most numbers of a piece; a multiple of the blocks of 8-bit moments.
  static final int MOST = 1 << 16;

  /// The numbers `from` to `from + n` of a parameter.
  static Piece of(Parameter p, LoraPlus plus, long from, int n, Moments moments) {
    return new Piece(
        plus.decays(p),
        plus.rate(p),
        row(p.master(), from, n),
        p.work() == p.master() ? null : row(p.work(), from, n),
        IntStream.range(0, p.lanes()).mapToObj(lane -> row(p.gradient(lane), from, n)).toList(),
        moments);
  }

  private static Tensor row(Tensor t, long from, int n) {
    return t.reshaped(1, t.elements()).view(from, new long[] {1, n}, new long[] {n, 1});
  }

  /// Adds all lanes' gradients into the first lane's.
  ///
  /// @param before the sum over the lanes of the ranks before; null: none
  void add(Kernels kernels, @Nullable MemorySegment before) {
    Tensor sum = gradients.getFirst();
    if (before != null) {
      kernels.elementwise().add(Tensor.of(before, sum.dtype(), sum.shape()), sum);
    }
    for (int lane = 1; lane < gradients.size(); lane++) {
      kernels.elementwise().add(gradients.get(lane), sum);
    }
  }

  /// The sum of squares of the summed gradient.
  double squares(Kernels kernels) {
    return kernels.elementwise().sumOfSquares(gradients.getFirst());
  }

  /// Its gradients as a part of the sum over all ranks.
  Collective.Part part(Kernels kernels) {
    return new Collective.Part() {
      @Override
      public MemorySegment bytes() {
        return gradients.getFirst().data();
      }

      @Override
      public void add(@Nullable MemorySegment before) {
        Piece.this.add(kernels, before);
      }
    };
  }

  /// Updates master, working copy and moments, and clears the gradients.
  void step(Kernels kernels, AdamW.Hyper hyper) {
    moments.step(kernels, master, work, gradients.getFirst(), hyper);
    clear();
  }

  /// Clears the gradients.
  void clear() {
    for (Tensor g : gradients) {
      g.zero();
    }
  }
}
