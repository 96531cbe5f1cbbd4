package dev.nudge.adapter;

import dev.nudge.kernel.Kernels;
import dev.nudge.nn.Linear;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Pass;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Packed;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import org.jspecify.annotations.Nullable;

/// DoRA's magnitudes m of a layer, and the factors g = m / n that follow from them.
///
/// The norms n of the rows of W + s·B·A need neither that matrix nor B·A:
///
///     n_i² = ‖w_i‖² + 2s·b_i·(A·w_i) + s²·b_i·(A·Aᵀ)·b_i
///
/// ‖w_i‖² is computed once; A·Wᵀ, r rows through W, again after each update of A and B
/// ([Parameter#version]), by the first pass that asks.
///
/// Threading: any lane may ask; the first computes, the others wait.
final class Magnitude {
  private static final long BLOCK_BYTES = 1 << 20; // of rows of W at a time

  private final Parameter m; // (1, out)
  private final Tensor squares; // (1, out): ‖w_i‖²
  private final Tensor norms; // (1, out): n
  private final Gain gain;
  private long version = -1; // of A, B and m that the gain is of
  private boolean squared;

  /// What a layer's output is multiplied by, and what is added.
  ///
  /// @param factor g (1, out), accumulator type
  /// @param shift (1 − g) ⊙ bias of the base; null: it has none
  record Gain(Tensor factor, @Nullable Tensor shift) {}

  /// @param m (1, out)
  /// @param biased whether the base has a bias
  /// @param scope owns what is computed
  Magnitude(Parameter m, boolean biased, Scope scope) {
    this.m = m;
    int out = m.master().cols();
    this.squares = scope.tensor(Dtype.F64, 1, out);
    this.norms = scope.tensor(m.master().dtype(), 1, out);
    this.gain =
        new Gain(
            scope.tensor(m.master().dtype(), 1, out),
            biased ? scope.tensor(m.master().dtype(), 1, out) : null);
  }

  /// Bytes beside the parameter.
  long frozenBytes() {
    long all = squares.bytes() + norms.bytes() + gain.factor.bytes();
    return gain.shift == null ? all : all + gain.shift.bytes();
  }

  Parameter parameter() {
    return m;
  }

  /// m of a row.
  double at(int row) {
    return m.master().get(0, row);
  }

  /// Makes m the norms of the rows as they are now, so that the adapter starts as its base.
  void begin(LoraLinear lora, Workspace ws, Kernels kernels) {
    norms(lora, ws, kernels);
    if (!ws.dry()) {
      ParameterMemory.copy(norms, m.master());
      ParameterMemory.round(m);
    }
  }

  /// The factors for A, B and m as they are.
  synchronized Gain gain(LoraLinear lora, Workspace ws, Kernels kernels) {
    long now = lora.a().version() + lora.b().version() + m.version();
    if (ws.dry() || now != version) {
      norms(lora, ws, kernels);
      if (!ws.dry()) {
        fill(lora.bias());
        version = now;
      }
    }
    return gain;
  }

  private void fill(@Nullable Tensor bias) {
    for (int i = 0; i < norms.cols(); i++) {
      double n = norms.get(0, i);
      gain.factor.set(0, i, n == 0 ? 0 : at(i) / n);
      if (gain.shift != null && bias != null) {
        gain.shift.set(0, i, (1 - gain.factor.get(0, i)) * bias.get(0, i));
      }
    }
  }

  /// dm += Σ_rows dy ⊙ (z − bias) / n.
  void gradient(Tensor dy, Tensor z, @Nullable Tensor bias, Pass p) {
    Workspace ws = p.ws();
    int mark = ws.mark();
    Tensor sums = ws.take(norms.dtype(), 1, dy.cols());
    Tensor dm = ws.take(norms.dtype(), 1, dy.cols());
    p.kernels().elementwise().colSum(dy, sums, false);
    p.kernels().elementwise().colDot(dy, z, dm, false);
    if (!ws.dry()) {
      for (int i = 0; i < dm.cols(); i++) {
        double n = norms.get(0, i);
        double all = dm.get(0, i) - (bias == null ? 0 : bias.get(0, i) * sums.get(0, i));
        dm.set(0, i, n == 0 ? 0 : all / n);
      }
    }
    p.kernels().elementwise().add(dm, m.gradient(ws.lane()));
    ws.release(mark);
  }

  /// Takes the memory that a variant needs in a dry pass over `base`, and gives it back.
  static void room(Linear base, int rank, Pass p) {
    Workspace ws = p.ws();
    Dtype acc = Dtype.F64; // at least as wide as any
    int mark = ws.mark();
    int step = base.rowsOf(BLOCK_BYTES, Dtype.F32);
    base.weight(0, step, ws, p.kernels());
    ws.take(acc, step, rank);
    ws.release(mark);
    ws.take(acc, 1, base.out());
    ws.release(mark);
  }

  /// Computes n.
  private void norms(LoraLinear lora, Workspace ws, Kernels kernels) {
    double[][] gram =
        ws.dry() ? new double[0][] : Recompressed.gram(Updates.rows(lora.a().master())); // A·Aᵀ
    double[] b = new double[lora.rank()];
    int step = lora.rowsOf(BLOCK_BYTES, norms.dtype());
    for (int from = 0, to; from < lora.out(); from = to) {
      to = Math.min(lora.out(), from + step);
      int mark = ws.mark();
      Tensor w = rows(lora.base(), from, to, ws, kernels);
      Tensor aw = ws.take(norms.dtype(), to - from, lora.rank());
      Tensor a = w.dtype() == lora.a().work().dtype() ? lora.a().work() : lora.a().master();
      ws.gemm().multiply(w, Packed.plain(a.transposed()), aw, false);
      for (int r = from; r < to && !ws.dry(); r++) {
        if (!squared) {
          squares.set(0, r, kernels.elementwise().sumOfSquares(w.rows(r - from, r - from + 1)));
        }
        norms.set(0, r, norm(r, aw.rows(r - from, r - from + 1), lora, gram, b));
      }
      ws.release(mark);
    }
    squared = !ws.dry();
  }

  /// Rows of the weight that A and B are added to.
  private static Tensor rows(Linear base, int from, int to, Workspace ws, Kernels kernels) {
    return base instanceof AdaptedLinear adapted
        ? adapted.merged(from, to, ws, kernels)
        : base.weight(from, to, ws, kernels);
  }

  /// n of a row.
  ///
  /// @param aw A·w (1, rank)
  /// @param b receives the row of B
  private double norm(int row, Tensor aw, LoraLinear lora, double[][] gram, double[] b) {
    Tensor all = lora.b().master();
    double cross = 0;
    for (int i = 0; i < b.length; i++) {
      b[i] = all.get(row, i);
      cross += b[i] * aw.get(0, i);
    }
    double square = 0;
    for (int i = 0; i < b.length; i++) {
      square += b[i] * Update.dot(gram[i], b);
    }
    double s = lora.scaling();
    return Math.sqrt(Math.max(0, squares.get(0, row) + 2 * s * cross + s * s * square));
  }
}
