package dev.nudge.calibrate;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// What the linear layers of one input have seen: H = Σ x xᵀ over all tokens, and Σ |x|.
///
/// H weighs the errors of a layer: with E = Q − W the squared error of its outputs is tr(E H Eᵀ)
/// ([#error]). Sums of products are in fp32, block by block, as in the owners' code; pivots are in
/// double.
///
/// Threading: one thread.
final class Hessian {
  private static final int BLOCK = 64;

  private final Tensor sum; // F32 (n, n)
  private final double[] absolute;
  private long tokens;

  private Hessian(Tensor sum) {
    this.sum = sum;
    this.absolute = new double[sum.rows()];
  }

  /// Makes one that has seen nothing.
  static Hessian of(int n, Scope scope) {
    return new Hessian(scope.tensor(Dtype.F32, n, n));
  }

  int size() {
    return sum.rows();
  }

  /// Adds tokens.
  ///
  /// @param x F32 (tokens, n), contiguous
  void add(Tensor x, Gemm gemm) {
    gemm.multiply(x.transposed(), x, sum, true);
    float[] row = new float[size()];
    for (int r = 0; r < x.rows(); r++) {
      read(x, r, row);
      for (int i = 0; i < row.length; i++) {
        absolute[i] += Math.abs(row[i]);
      }
    }
    tokens += x.rows();
  }

  /// The mean of |x| by input.
  double[] meanAbsolute() {
    return Arrays.stream(absolute).map(all -> all / Math.max(1, tokens)).toArray();
  }

  double diagonal(int i) {
    return sum.get(i, i);
  }

  /// The rows and columns of a group of inputs.
  Tensor block(int from, int to) {
    return sum.rows(from, to).cols(from, to);
  }

  /// Divides the inputs by factors: what the layer sees after they are folded elsewhere.
  void divide(double[] s) {
    rows(
        sum,
        (i, row) -> {
          for (int j = 0; j < row.length; j++) {
            row[j] /= (float) (s[i] * s[j]);
          }
        });
    for (int i = 0; i < s.length; i++) {
      absolute[i] /= s[i];
    }
  }

  /// The squared error of all outputs, tr(E H Eᵀ).
  ///
  /// @param e F32 (rows, n): how far weights are off
  /// @param room F32 (rows, n), overwritten
  double error(Tensor e, Tensor room, Gemm gemm) {
    gemm.multiply(e, sum, room, false);
    return IntStream.range(0, e.rows())
        .parallel()
        .mapToObj(r -> dot(e, room, r))
        .toList()
        .stream() // sums in order, so that they are the same each time
        .mapToDouble(Double::doubleValue)
        .sum();
  }

  private static double dot(Tensor a, Tensor b, int r) {
    float[] x = new float[a.cols()];
    float[] y = new float[a.cols()];
    read(a, r, x);
    read(b, r, y);
    double dot = 0;
    for (int i = 0; i < x.length; i++) {
      dot += (double) x[i] * y[i];
    }
    return dot;
  }

  /// Factorises H + d·mean(diag H)·I = R Rᵀ, R upper triangular: what a column's error costs the
  /// columns after it. An input that was always 0 gets a diagonal of 1.
  ///
  /// @param order the inputs in the order in which they are quantised; null: as they are
  /// @return F32 (n, n), the lower triangle undefined; null if H is not positive definite
  @Nullable Tensor factor(double damping, int @Nullable [] order, Gemm gemm, Scope scope) {
    int n = size();
    double mean = IntStream.range(0, n).mapToDouble(this::diagonal).sum() / n;
    Tensor r = scope.tensor(Dtype.F32, n, n);
    rows(
        r,
        (i, row) -> {
          int from = order == null ? i : order[i];
          float[] all = new float[n];
          read(sum, from, all);
          for (int j = 0; j < n; j++) {
            row[j] = all[order == null ? j : order[j]];
          }
          row[i] = (float) ((row[i] == 0 ? 1 : row[i]) + damping * mean);
        });
    try (Scope meanwhile = Scope.open("negated panel")) {
      Tensor negated = meanwhile.tensor(Dtype.F32, n, BLOCK);
      for (int to = n, from; to > 0; to = from) {
        from = Math.max(0, to - BLOCK);
        double @Nullable [][] corner = corner(r, from, to);
        if (corner == null) {
          return null;
        }
        if (from > 0) {
          Tensor panel = panel(r, corner, from, to, negated);
          Tensor above = r.rows(0, from).cols(from, to);
          gemm.multiply(panel, above.transposed(), r.rows(0, from).cols(0, from), true);
        }
      }
    }
    return r;
  }

  /// Factorises a block of the diagonal in place; null if a pivot is not positive.
  private static double @Nullable [][] corner(Tensor h, int from, int to) {
    int n = to - from;
    double[][] r = new double[n][n];
    for (int j = n - 1; j >= 0; j--) {
      for (int i = j; i >= 0; i--) {
        double left = h.get(from + i, from + j);
        for (int k = j + 1; k < n; k++) {
          left -= r[i][k] * r[j][k];
        }
        if (i == j && !(left > 0 && Double.isFinite(left))) {
          return null;
        }
        r[i][j] = i == j ? Math.sqrt(left) : left / r[j][j];
        h.set(from + i, from + j, r[i][j]);
      }
    }
    return r;
  }

  /// Solves X Rᵀ = H for the rows above a block of the diagonal, in place.
  ///
  /// @return −X
  private static Tensor panel(Tensor h, double[][] corner, int from, int to, Tensor room) {
    int n = to - from;
    Tensor negated = Tensor.of(room.data(), Dtype.F32, from, n);
    IntStream.range(0, from)
        .parallel()
        .forEach(
            i -> {
              double[] x = new double[n];
              for (int j = n - 1; j >= 0; j--) {
                double left = h.get(i, from + j);
                for (int k = j + 1; k < n; k++) {
                  left -= x[k] * corner[j][k];
                }
                x[j] = left / corner[j][j];
                h.set(i, from + j, x[j]);
                negated.set(i, j, -x[j]);
              }
            });
    return negated;
  }

  /// Work on one row of a matrix.
  interface Row {
    void change(int r, float[] row);
  }

  /// Changes every row of an F32 matrix, in parallel.
  static void rows(Tensor t, Row change) {
    IntStream.range(0, t.rows())
        .parallel()
        .forEach(
            r -> {
              float[] row = new float[t.cols()];
              read(t, r, row);
              change.change(r, row);
              write(row, t, r);
            });
  }

  static void read(Tensor t, int r, float[] to) {
    MemorySegment.copy(t.data(), JAVA_FLOAT_UNALIGNED, 4L * r * t.rowStride(), to, 0, to.length);
  }

  static void write(float[] from, Tensor t, int r) {
    MemorySegment.copy(
        from, 0, t.data(), JAVA_FLOAT_UNALIGNED, 4L * r * t.rowStride(), from.length);
  }
}
