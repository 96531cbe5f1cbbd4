package dev.nudge.adapter;

import dev.nudge.kernel.Elementwise;
import dev.nudge.kernel.Kernels;
import dev.nudge.nn.Backend;
import dev.nudge.nn.Linear;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;

/// Begins an adapter with what the quantisation Q of a weight lost: s·B·A comes close to the best
/// matrix of its rank to E = W − Q(W), so the model starts nearer to the one that was quantised.
/// It is the first step of LoftQ [1]; the base stays the plain quantisation.
///
/// E (out, in) is made some rows at a time. Subspace iteration finds the right singular vectors V
/// (in, k), k a few above the rank, and a product what goes with them:
///
/// ```
/// V ← orth(Eᵀ·orth(E·V))            a few rounds, from the numbers of LoraInit
/// Y = E·V,  YᵀY = P·S²·Pᵀ           E is about Y·Vᵀ
/// B = Y·P·S^-½ / √s                 the first r columns
/// A = (V·P·S^½)ᵀ / √s
/// ```
///
/// Where E has no more directions (it is zero where a layer is not quantised), A and B stay as
/// LoraInit leaves them. The same weights give the same numbers.
///
/// [1] Li et al., "LoftQ: LoRA-fine-tuning-aware quantization", arXiv:2310.08659.
final class LoftqInit {
  private static final int MORE = 8; // directions beyond the rank
  private static final int ROUNDS = 4;
  private static final long BLOCK_BYTES = 16 << 20; // of E that are there at a time
  private static final double LEAST = 1e-6; // of the largest eigenvalue: what fp32 can tell from 0

  private final Backend backend;
  private final long blockBytes;

  LoftqInit(Backend backend) {
    this(backend, BLOCK_BYTES);
  }

  LoftqInit(Backend backend, long blockBytes) {
    this.backend = backend;
    this.blockBytes = blockBytes;
  }

  /// Fills A (rank, in), which LoraInit has filled, and B (out, rank), which is zero; on one
  /// thread, the caller's.
  ///
  /// @param original W (out, in) of any float type
  /// @param scaling s
  void fill(Linear base, Tensor original, double scaling, Tensor a, Tensor b) {
    int k = Math.min(a.rows() + MORE, Math.min(base.in(), base.out()));
    int step = base.rowsOf(blockBytes, Dtype.F32);
    try (Workspace ws = new Workspace(0, bytes(base, step), backend.gemms().apply(1));
        Scope scope = Scope.open("LoftQ")) {
      new Layer(base, original, step, k, ws, scope).fill(scaling, a, b);
    }
  }

  private static long bytes(Linear base, int rows) {
    try (Workspace ws = Workspace.measuring()) {
      ws.take(Dtype.F32, rows, base.in());
      base.weight(0, rows, ws, Kernels.dry());
      return ws.peak();
    }
  }

  /// One layer's.
  private final class Layer {
    private final Linear base;
    private final Tensor original;
    private final int step; // rows of E
    private final int k;
    private final Workspace ws;
    private final Scope scope;

    Layer(Linear base, Tensor original, int step, int k, Workspace ws, Scope scope) {
      this.base = base;
      this.original = original;
      this.step = step;
      this.k = k;
      this.ws = ws;
      this.scope = scope;
    }

    void fill(double scaling, Tensor a, Tensor b) {
      Tensor v = scope.tensor(Dtype.F32, base.in(), k);
      Tensor y = scope.tensor(Dtype.F32, base.out(), k);
      start(v);
      for (int round = 0; round < ROUNDS; round++) {
        orthonormalise(v);
        forward(v, y);
        orthonormalise(y);
        backward(y, v);
      }
      orthonormalise(v);
      forward(v, y);
      SymmetricEigen gram = gram(y);
      int n = Math.min(a.rows(), directions(gram));
      if (n > 0) {
        double root = 1 / Math.sqrt(scaling);
        Gemm gemm = ws.gemm();
        Tensor turn = turn(gram, n, 0.25, root).cols(0, n);
        gemm.multiply(turn.transposed(), v.transposed(), a.rows(0, n), false);
        turn = turn(gram, n, -0.25, root).cols(0, n);
        gemm.multiply(y, turn, b.cols(0, n), false);
      }
    }

    private void start(Tensor v) {
      Tensor numbers = scope.tensor(Dtype.F32, k, base.in());
      LoraInit.fill(numbers, 0, "LoftQ");
      for (int i = 0; i < base.in(); i++) {
        for (int j = 0; j < k; j++) {
          v.set(i, j, numbers.get(j, i));
        }
      }
    }

    /// y ← E·v.
    private void forward(Tensor v, Tensor y) {
      rows((e, from) -> ws.gemm().multiply(e, v, y.rows(from, from + e.rows()), false));
    }

    /// v ← Eᵀ·y.
    private void backward(Tensor y, Tensor v) {
      rows(
          (e, from) ->
              ws.gemm().multiply(e.transposed(), y.rows(from, from + e.rows()), v, from > 0));
    }

    private interface Rows {
      void take(Tensor e, int from);
    }

    /// Visits E, some rows at a time.
    private void rows(Rows each) {
      Elementwise elementwise = backend.kernels().elementwise();
      for (int from = 0; from < base.out(); from += step) {
        int to = Math.min(base.out(), from + step);
        int mark = ws.mark();
        Tensor e = ws.take(Dtype.F32, to - from, base.in());
        elementwise.copy(base.weight(from, to, ws, backend.kernels()), e);
        elementwise.scale(e, -1);
        elementwise.add(original.rows(from, to), e);
        each.take(e, from);
        ws.release(mark);
      }
    }

    /// Makes the columns of x orthonormal, or zero where they add no direction. Twice, because fp32
    /// leaves something the first time.
    private void orthonormalise(Tensor x) {
      try (Scope own = Scope.open("LoftQ, turned")) {
        Tensor turned = own.tensor(Dtype.F32, x.rows(), k);
        for (int i = 0; i < 2; i++) {
          SymmetricEigen gram = gram(x);
          ws.gemm().multiply(x, turn(gram, directions(gram), -0.5, 1), turned, false);
          backend.kernels().elementwise().copy(turned, x);
        }
      }
    }

    /// P·Dᵉ·factor in the first n columns, zero in the others.
    private Tensor turn(SymmetricEigen gram, int n, double exponent, double factor) {
      Tensor turn = scope.tensor(Dtype.F32, k, k);
      for (int j = 0; j < n; j++) {
        double by = factor * Math.pow(gram.values()[j], exponent);
        for (int i = 0; i < k; i++) {
          turn.set(i, j, by * gram.vectors()[i][j]);
        }
      }
      return turn;
    }

    private SymmetricEigen gram(Tensor x) {
      Tensor gram = scope.tensor(Dtype.F32, k, k);
      ws.gemm().multiply(x.transposed(), x, gram, false);
      double[][] m = new double[k][k];
      for (int i = 0; i < k; i++) {
        for (int j = 0; j < k; j++) {
          m[i][j] = (gram.get(i, j) + gram.get(j, i)) / 2;
        }
      }
      return SymmetricEigen.of(m);
    }

    private static int directions(SymmetricEigen gram) {
      double[] d = gram.values();
      int n = 0;
      while (n < d.length && d[n] > 0 && d[n] >= LEAST * d[0]) {
        n++;
      }
      return n;
    }
  }
}
