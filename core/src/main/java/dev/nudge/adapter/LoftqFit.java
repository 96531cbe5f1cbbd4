package dev.nudge.adapter;

import dev.nudge.kernel.Elementwise;
import dev.nudge.kernel.Kernels;
import dev.nudge.machine.Backend;
import dev.nudge.nn.Linear;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.Collection;

/// Fits A and B to the quantisation error of a weight (LoftQ [1], first step). s·B·A approximates
/// the error E = W − Q(W) with the best matrix of its rank, so training starts near the model
/// before quantisation. The base stays the plain quantisation Q.
///
/// E (out, in) is computed some rows at a time. Subspace iteration finds the right singular vectors
/// V (in, k), with k slightly above the rank:
///
/// ```
/// V ← orth(Eᵀ·orth(E·V))            a few rounds, from the numbers of LoraInit
/// Y = E·V,  YᵀY = P·S²·Pᵀ           E is about Y·Vᵀ
/// B = Y·P·S^-½ / √s                 the first r columns
/// A = (V·P·S^½)ᵀ / √s
/// ```
///
/// If E has a lower rank (it is zero for a dense layer), the remaining rows of A and columns of B
/// stay as LoraInit filled them. The result is deterministic.
///
/// Threading: belongs to the thread that made it.
///
/// [1] Li et al., "LoftQ: LoRA-fine-tuning-aware quantization", arXiv:2310.08659.
final class LoftqFit implements AutoCloseable {
  private static final int MORE = 8; // directions beyond the rank
  private static final int ROUNDS = 4;
  private static final long BLOCK_BYTES = 16 << 20; // of E that are there at a time
  private static final double LEAST = 1e-6; // of a square: what fp32 can tell from 0

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
      Layer layer = new Layer(base, rank, dry);
      dry.take(Dtype.F32, layer.step, base.in());
      base.weight(0, layer.step, dry, kernels.dry());
      return dry.peak();
    }
  }

  /// Fills A (rank, in), which holds LoraInit's numbers, and B (out, rank), which is zero.
  ///
  /// @param original W (out, in) of any float type
  /// @param scaling s
  void fill(Linear base, Tensor original, double scaling, Tensor a, Tensor b) {
    ws.reset();
    new Layer(base, a.rows(), ws).fill(original, scaling, a, b);
  }

  @Override
  public void close() {
    ws.close();
  }

  /// One layer's matrices.
  private final class Layer {
    private final Linear base;
    private final int step; // rows of E
    private final int k;
    private final Tensor v;
    private final Tensor y;
    private final Tensor turned;
    private final Tensor turn;
    private final Tensor gram;

    Layer(Linear base, int rank, Workspace ws) {
      this.base = base;
      step = base.rowsOf(blockBytes, Dtype.F32);
      k = Math.min(rank + MORE, Math.min(base.in(), base.out()));
      v = ws.take(Dtype.F32, base.in(), k);
      y = ws.take(Dtype.F32, base.out(), k);
      turned = ws.take(Dtype.F32, Math.max(base.in(), base.out()), k);
      turn = ws.take(Dtype.F32, k, k);
      gram = ws.take(Dtype.F32, k, k);
    }

    void fill(Tensor original, double scaling, Tensor a, Tensor b) {
      LoraInit.fill(v, 0, "LoftQ");
      for (int round = 0; round < ROUNDS; round++) {
        orthonormalise(v);
        forward(original);
        orthonormalise(y);
        backward(original);
      }
      orthonormalise(v);
      forward(original);
      SymmetricEigen parts = SymmetricEigen.of(gram(y));
      int n = Math.min(a.rows(), directions(parts.values()));
      if (n > 0) {
        double root = 1 / Math.sqrt(scaling);
        Tensor first = turn(parts, 0.25, root).cols(0, n);
        ws.gemm().multiply(first.transposed(), v.transposed(), a.rows(0, n), false);
        first = turn(parts, -0.25, root).cols(0, n);
        ws.gemm().multiply(y, first, b.cols(0, n), false);
      }
    }

    private static int directions(double[] d) {
      int n = 0;
      while (n < d.length && d[n] > 0 && d[n] >= LEAST * d[0]) {
        n++;
      }
      return n;
    }

    /// P·Dᵉ·factor.
    private Tensor turn(SymmetricEigen parts, double exponent, double factor) {
      double[][] scaled = new double[k][k];
      for (int j = 0; j < k; j++) {
        double by = factor * Math.pow(parts.values()[j], exponent);
        for (int i = 0; i < k; i++) {
          scaled[i][j] = by * parts.vectors()[i][j];
        }
      }
      return turn(scaled);
    }

    private Tensor turn(double[][] numbers) {
      for (int i = 0; i < k; i++) {
        for (int j = 0; j < k; j++) {
          turn.set(i, j, numbers[i][j]);
        }
      }
      return turn;
    }

    /// y ← E·v.
    private void forward(Tensor original) {
      rows(original, (e, from) -> ws.gemm().multiply(e, v, y.rows(from, from + e.rows()), false));
    }

    /// v ← Eᵀ·y.
    private void backward(Tensor original) {
      rows(
          original,
          (e, from) ->
              ws.gemm().multiply(e.transposed(), y.rows(from, from + e.rows()), v, from > 0));
    }

    private interface Rows {
      void take(Tensor e, int from);
    }

    /// Passes E to `each`, some rows at a time.
    private void rows(Tensor original, Rows each) {
      Elementwise elementwise = kernels.elementwise();
      for (int from = 0; from < base.out(); from += step) {
        int to = Math.min(base.out(), from + step);
        int mark = ws.mark();
        Tensor e = ws.take(Dtype.F32, to - from, base.in());
        elementwise.copy(base.weight(from, to, ws, kernels), e);
        elementwise.scale(e, -1);
        elementwise.add(original.rows(from, to), e);
        each.take(e, from);
        ws.release(mark);
      }
    }

    /// Makes the columns of x orthonormal, or zero if linearly dependent: x·R⁻¹ with
    /// xᵀx = Rᵀ·R. Twice, because fp32 leaves something the first time.
    private void orthonormalise(Tensor x) {
      Tensor to = turned.rows(0, x.rows());
      for (int i = 0; i < 2; i++) {
        ws.gemm().multiply(x, turn(InverseRoot.of(gram(x), LEAST)), to, false);
        kernels.elementwise().copy(to, x);
      }
    }

    /// xᵀx, symmetric to the bit.
    private double[][] gram(Tensor x) {
      ws.gemm().multiply(x.transposed(), x, gram, false);
      double[][] m = new double[k][k];
      for (int i = 0; i < k; i++) {
        for (int j = 0; j < k; j++) {
          m[i][j] = (gram.get(i, j) + gram.get(j, i)) / 2;
        }
      }
      return m;
    }
  }
}
