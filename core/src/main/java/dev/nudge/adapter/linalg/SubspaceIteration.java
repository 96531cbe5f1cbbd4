package dev.nudge.adapter.linalg;

import dev.nudge.kernel.Kernels;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;

/// Finds the largest singular values and directions of a matrix E (out, in) that is passed some
/// rows at a time, by subspace iteration [1], with k directions, some more than are wanted:
///
/// ```
/// V ← orth(Eᵀ·orth(E·V))            rounds, from the numbers of LoraInit
/// Y = E·V,  YᵀY = P·S²·Pᵀ           E is about Y·Vᵀ
/// ```
///
/// So U = Y·P·S⁻¹ and V·P hold the singular vectors of the values S. Deterministic.
///
/// Threading: belongs to the thread that made it.
///
/// [1] Halko, Martinsson, Tropp, "Finding structure with randomness", arXiv:0909.4061.
public final class SubspaceIteration {
  private static final int MORE = 8; // directions beyond the wanted ones
  private static final int ALL = 256; // of a matrix with so small a side, all directions are taken
  private static final int AT_ONCE = 8; // rounds between two looks at the values
  private static final int MOST_ROUNDS = 400;
  private static final double STEADY = 1e-7; // relative change of a value
  private static final double LEAST = 1e-6; // of a square: what fp32 can tell from 0

  private final Kernels kernels;
  private final Workspace ws;
  private final int k;
  private final Tensor v; // (in, k)
  private final Tensor y; // (out, k)
  private final Tensor turned;
  private final Tensor turn;
  private final Tensor gram;

  /// A matrix that is passed some rows at a time.
  public interface Matrix {
    /// Passes all rows, from the first on.
    void rows(Rows each);
  }

  /// Takes some rows of a matrix.
  public interface Rows {
    /// @param e (rows, in), fp32
    /// @param from the first row's index
    void take(Tensor e, int from);
  }

  /// Directions for `rank` wanted ones with a few more.
  public static int some(int rank, int out, int in) {
    return Math.min(rank + MORE, Math.min(in, out));
  }

  /// Directions for values that are to be exact.
  public static int exact(int rank, int out, int in) {
    int smaller = Math.min(in, out);
    return smaller <= ALL ? smaller : Math.min(2 * rank + 2 * MORE, smaller);
  }

  /// Takes its matrices from a workspace.
  ///
  /// @param k from [#some] or [#exact]
  public SubspaceIteration(int out, int in, int k, Workspace ws, Kernels kernels) {
    this.kernels = kernels;
    this.ws = ws;
    this.k = k;
    v = ws.take(Dtype.F32, in, k);
    y = ws.take(Dtype.F32, out, k);
    turned = ws.take(Dtype.F32, Math.max(in, out), k);
    turn = ws.take(Dtype.F32, k, k);
    gram = ws.take(Dtype.F32, k, k);
  }

  /// Iterates.
  ///
  /// @param rounds 0: until the first `rank` values stay
  /// @return the squares S² and P
  public SymmetricEigen run(Matrix e, int rank, int rounds) {
    LoraInit.fill(v, 0, "LoftQ");
    if (rounds > 0) {
      rounds(e, rounds);
      return ritz(e);
    }
    rounds(e, 2);
    SymmetricEigen parts = ritz(e);
    int smaller = Math.min(v.rows(), y.rows());
    for (int made = 2; k < smaller && made < MOST_ROUNDS; made += AT_ONCE) {
      rounds(e, AT_ONCE);
      SymmetricEigen next = ritz(e);
      boolean steady = true;
      for (int i = 0; i < Math.min(rank, k); i++) {
        double change = Math.abs(next.values()[i] - parts.values()[i]);
        steady &= change <= STEADY * Math.abs(next.values()[i]);
      }
      parts = next;
      if (steady) {
        break;
      }
    }
    return parts;
  }

  private void rounds(Matrix e, int rounds) {
    for (int round = 0; round < rounds; round++) {
      orthonormalise(v);
      forward(e);
      orthonormalise(y);
      backward(e);
    }
  }

  private SymmetricEigen ritz(Matrix e) {
    orthonormalise(v);
    forward(e);
    return SymmetricEigen.of(exactGram(y));
  }

  /// Writes the first directions: B = Y·P·S^-½ / √s and A = (V·P·S^½)ᵀ / √s, so that s·B·A is the
  /// best approximation of E.
  ///
  /// @param a (rank, in); rows beyond the rank of E stay
  /// @param b (out, rank), likewise
  public void fill(SymmetricEigen parts, double scaling, Tensor a, Tensor b) {
    int n = Math.min(a.rows(), directions(parts.values()));
    if (n > 0) {
      double root = 1 / Math.sqrt(scaling);
      Tensor first = turn(parts, 0.25, root).cols(0, n);
      ws.gemm().multiply(first.transposed(), v.transposed(), a.rows(0, n), false);
      first = turn(parts, -0.25, root).cols(0, n);
      ws.gemm().multiply(y, first, b.cols(0, n), false);
    }
  }

  /// Writes the first right singular vectors: (V·P)ᵀ.
  ///
  /// @param a (n, in)
  /// @return how many the matrix has, at most n
  int right(SymmetricEigen parts, Tensor a) {
    int n = Math.min(a.rows(), directions(parts.values()));
    if (n > 0) {
      Tensor first = turn(parts, 0, 1).cols(0, n);
      ws.gemm().multiply(first.transposed(), v.transposed(), a.rows(0, n), false);
    }
    return n;
  }

  private static int directions(double[] d) {
    int n = 0;
    while (n < d.length && d[n] > 0 && d[n] >= LEAST * d[0]) {
      n++;
    }
    return n;
  }

  /// P·Dᵉ·factor, with D = S².
  private Tensor turn(SymmetricEigen parts, double exponent, double factor) {
    double[][] scaled = new double[k][k];
    for (int j = 0; j < k; j++) {
      double by = exponent == 0 ? factor : factor * Math.pow(parts.values()[j], exponent);
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
  private void forward(Matrix e) {
    e.rows((rows, from) -> ws.gemm().multiply(rows, v, y.rows(from, from + rows.rows()), false));
  }

  /// v ← Eᵀ·y.
  private void backward(Matrix e) {
    e.rows(
        (rows, from) ->
            ws.gemm().multiply(rows.transposed(), y.rows(from, from + rows.rows()), v, from > 0));
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

  /// xᵀx, summed in double: close values are told apart.
  private double[][] exactGram(Tensor x) {
    double[][] m = new double[k][k];
    double[] row = new double[k];
    for (int r = 0; r < x.rows(); r++) {
      for (int i = 0; i < k; i++) {
        row[i] = x.get(r, i);
      }
      for (int i = 0; i < k; i++) {
        for (int j = 0; j <= i; j++) {
          m[i][j] += row[i] * row[j];
        }
      }
    }
    for (int i = 0; i < k; i++) {
      for (int j = 0; j < i; j++) {
        m[j][i] = m[i][j];
      }
    }
    return m;
  }
}
