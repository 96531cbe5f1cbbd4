package dev.nudge.train;

import dev.nudge.kernel.AdamW;
import dev.nudge.kernel.Kernels;
import dev.nudge.nn.Parameter;
import dev.nudge.tensor.Tensor;
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
  /// @return the sum of squares of the summed gradient
  double reduce(Kernels kernels) {
    for (int lane = 1; lane < gradients.size(); lane++) {
      kernels.elementwise().add(gradients.get(lane), gradients.getFirst());
    }
    return kernels.elementwise().sumOfSquares(gradients.getFirst());
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
