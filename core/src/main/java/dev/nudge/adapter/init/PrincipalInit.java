package dev.nudge.adapter.init;

import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.LoraPlace;
import dev.nudge.adapter.Update;
import dev.nudge.adapter.linalg.SubspaceIteration;
import dev.nudge.kernel.Kernels;
import dev.nudge.machine.Backend;
import dev.nudge.nn.Linear;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;

/// Begins an adapter with the principal part of each weight, which the base gives up: W − s·B₀·A₀
/// stays frozen, so the adapted model starts as its base.
///
/// ```
/// SINGULAR, PiSSA [1]:    W = U·S·Vᵀ;  A₀ = √(S/s)·Vᵀ,  B₀ = U·√(S/s)   the r largest
/// ORTHOGONAL, OLoRA [2]:  W = Q·R;     A₀ = R,          B₀ = Q          the first r rows, columns
/// ```
///
/// The base's numbers do not change: a frozen −s·B₀·A₀ is computed beside them ([LoraPlace]), at
/// the cost of another pair. So it works on weights in any format, several adapters can share it,
/// and the adapter is saved as PEFT converts one: A and A₀ above each other, B and −B₀ side by
/// side,
/// for the base as it is published. Of quantised weights the part is that of their dequantised
/// numbers, and they are not quantised again.
///
/// [1] Meng et al., arXiv:2404.02948. [2] Büyükakyüz, arXiv:2406.01775.
///
/// @param rounds of a randomised decomposition; 0: until it is exact
record PrincipalInit(Kind kind, int rounds) implements Initialization {
  /// The decompositions.
  enum Kind {
    SINGULAR,
    ORTHOGONAL
  }

  @Override
  public boolean subtracts() {
    return true;
  }

  /// Decomposes one layer after the other, with all threads.
  @Override
  public void begin(Adapters adapters, Base base) {
    for (LoraPlace place : adapters.linears()) {
      Backend backend = base.backend();
      int rank = place.a().master().rows();
      double scaling = adapters.spec().scaling(place.path());
      long bytes;
      try (Workspace dry = Workspace.measuring()) {
        part(place, rank, dry, backend.kernels().dry());
        bytes = dry.peak();
      }
      try (Workspace ws = new Workspace(0, bytes, backend.gemms().apply(base.threads()))) {
        part(place, rank, ws, backend.kernels()).fill(scaling);
      }
      place.begun(true);
    }
  }

  private interface Part {
    void fill(double scaling);
  }

  /// Takes the memory for a layer's decomposition.
  private Part part(LoraPlace place, int rank, Workspace ws, Kernels kernels) {
    Linear base = place.base();
    Tensor a = place.a().master();
    Tensor b = place.b().master();
    Tensor w = ws.take(Dtype.F32, base.out(), base.in());
    if (kind == Kind.ORTHOGONAL) {
      copy(base, w, ws, kernels);
      return scaling -> orthogonal(w, a, b, ws);
    }
    int k =
        rounds > 0
            ? SubspaceIteration.some(rank, base.out(), base.in())
            : SubspaceIteration.exact(rank, base.out(), base.in());
    SubspaceIteration iteration = new SubspaceIteration(base.out(), base.in(), k, ws, kernels);
    copy(base, w, ws, kernels);
    return scaling ->
        iteration.fill(iteration.run(each -> each.take(w, 0), rank, rounds), scaling, a, b);
  }

  private static void copy(Linear base, Tensor w, Workspace ws, Kernels kernels) {
    int mark = ws.mark();
    kernels.elementwise().copy(base.weight(ws, kernels), w);
    ws.release(mark);
  }

  /// B ← the orthonormalised first columns of W, A ← Bᵀ·W.
  private static void orthogonal(Tensor w, Tensor a, Tensor b, Workspace ws) {
    double[][] q = new double[b.cols()][b.rows()];
    for (int i = 0; i < q.length; i++) {
      for (int r = 0; r < q[i].length; r++) {
        q[i][r] = w.get(r, i);
      }
      double before = Math.sqrt(Update.dot(q[i], q[i]));
      for (int twice = 0; twice < 2; twice++) {
        for (int j = 0; j < i; j++) {
          add(q[j], -Update.dot(q[j], q[i]), q[i]);
        }
      }
      double norm = Math.sqrt(Update.dot(q[i], q[i]));
      double by = norm > 1e-10 * before ? 1 / norm : 0; // a column that depends on those before
      for (int r = 0; r < q[i].length; r++) {
        q[i][r] *= by;
        b.set(r, i, q[i][r]);
      }
    }
    ws.gemm().multiply(b.transposed(), w, a, false);
  }

  private static void add(double[] x, double by, double[] y) {
    for (int i = 0; i < y.length; i++) {
      y[i] += by * x[i];
    }
  }
}
