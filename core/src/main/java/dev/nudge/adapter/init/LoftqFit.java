package dev.nudge.adapter.init;

import dev.nudge.adapter.linalg.SubspaceIteration;
import dev.nudge.adapter.linalg.SymmetricEigen;
import dev.nudge.kernel.Elementwise;
import dev.nudge.kernel.Kernels;
import dev.nudge.machine.Backend;
import dev.nudge.nn.Linear;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.Collection;
import java.util.List;

/// Fits A and B to the quantisation error of a weight (LoftQ [1], first step). s·B·A approximates
/// the error E = W − Q(W) with the best matrix of its rank, so training starts near the model
/// before quantisation. The base stays the plain quantisation Q.
///
/// E (out, in) is computed some rows at a time; [SubspaceIteration] finds its largest part. If E
/// has a lower rank (it is zero for a dense layer), the remaining rows of A and columns of B stay
/// as LoraInit filled them. The result is deterministic.
///
/// There is one step, not several: alternating would change the quantised base, which then served
/// one adapter only. It is a flag and no default, because it does not help at every rank.
///
/// Threading: belongs to the thread that made it.
///
/// [1] Li et al., "LoftQ: LoRA-fine-tuning-aware quantization", arXiv:2310.08659.
final class LoftqFit implements AutoCloseable {
  private static final int ROUNDS = 4;
  private static final long BLOCK_BYTES = 16 << 20; // of E that are there at a time

  private final Kernels kernels;
  private final long blockBytes;
  private final Workspace ws;

  /// @param layers the layers to fit, with at most `rank`
  LoftqFit(Collection<Linear> layers, int rank, Backend backend) {
    this(layers, rank, backend, BLOCK_BYTES);
  }

  LoftqFit(Collection<Linear> layers, int rank, Backend backend, long blockBytes) {
    this.kernels = backend.kernels();
    this.blockBytes = blockBytes;
    long bytes = layers.stream().mapToLong(layer -> bytes(layer, rank)).max().orElse(0);
    this.ws = new Workspace(0, bytes, backend.gemms().apply(1));
  }

  private long bytes(Linear base, int rank) {
    try (Workspace dry = Workspace.measuring()) {
      iteration(base, rank, dry);
      int step = base.rowsOf(blockBytes, Dtype.F32);
      dry.take(Dtype.F32, step, base.in());
      base.weight(0, step, dry, kernels.dry());
      return dry.peak();
    }
  }

  private SubspaceIteration iteration(Linear base, int rank, Workspace room) {
    int k = SubspaceIteration.some(rank, base.out(), base.in());
    return new SubspaceIteration(base.out(), base.in(), k, room, kernels);
  }

  /// Fills A (rank, in), which holds LoraInit's numbers, and B (out, rank), which is zero.
  ///
  /// @param original W (out, in) of any float type, in parts of as many rows each
  /// @param scaling s
  void fill(Linear base, List<Tensor> original, double scaling, Tensor a, Tensor b) {
    ws.reset();
    SubspaceIteration iteration = iteration(base, a.rows(), ws);
    SymmetricEigen parts = iteration.run(each -> error(base, original, each), a.rows(), ROUNDS);
    iteration.fill(parts, scaling, a, b);
  }

  /// Passes E to `each`, some rows at a time.
  private void error(Linear base, List<Tensor> original, SubspaceIteration.Rows each) {
    int first = 0;
    for (Tensor part : original) {
      error(base, part, first, each);
      first += part.rows();
    }
  }

  private void error(Linear base, Tensor original, int first, SubspaceIteration.Rows each) {
    Elementwise elementwise = kernels.elementwise();
    int step = base.rowsOf(blockBytes, Dtype.F32);
    for (int from = 0; from < original.rows(); from += step) {
      int to = Math.min(original.rows(), from + step);
      int mark = ws.mark();
      Tensor e = ws.take(Dtype.F32, to - from, base.in());
      elementwise.copy(base.weight(first + from, first + to, ws, kernels), e);
      elementwise.scale(e, -1);
      elementwise.add(original.rows(from, to), e);
      each.take(e, first + from);
      ws.release(mark);
    }
  }

  @Override
  public void close() {
    ws.close();
  }
}
