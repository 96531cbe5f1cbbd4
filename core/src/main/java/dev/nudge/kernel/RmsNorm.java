package dev.nudge.kernel;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/// Computes RMSNorm, fused with the residual addition before it.
///
/// With s the row of d numbers, w the weight plus an offset (0, or 1 in families such as Gemma
/// whose weights are stored around zero; the sum is not rounded) and ŝ = s·rstd:
///
///     s    = x + delta                     (rounded to C, then saved and normalised)
///     rstd = 1 / sqrt(mean(s²) + eps)      (rounded to acc)
///     y    = ŝ · w                         (rounded to C, once)
///
///     g    = dy · w
///     dS   = rstd · (g − ŝ · mean(g·ŝ))
///     dw   = Σ dy · ŝ                      (over the rows; only where the weight trains)
///
/// The backward pass uses the saved s and rstd; y is recomputed from s and rstd, bit-identical, by
/// the backward sweep or [#again]. The same sweep adds the gradient to that of the residual stream;
/// a copy in C is a factor of the next product.
public interface RmsNorm {
  /// Computes y and rstd of n rows of d.
  ///
  /// @param x (n, d) of C
  /// @param delta (n, d) of C, added to x; null: nothing is added
  /// @param sum (n, d) of C, x + delta; may be x or delta; null if and only if delta is
  /// @param w (1, d) of C
  /// @param y (n, d) of C; may be x or delta unless sum is written there
  /// @param rstd (n, 1) of acc
  void forward(
      Tensor x,
      @Nullable Tensor delta,
      @Nullable Tensor sum,
      Tensor w,
      Tensor y,
      Tensor rstd,
      double eps,
      double offset);

  /// Recomputes y from the kept s and rstd: bit-identical to [#forward].
  void again(Tensor s, Tensor rstd, Tensor w, Tensor y, double offset);

  /// Adds the gradient of s to dRes.
  ///
  /// @param dy (n, d) of acc
  /// @param s (n, d) of C, the kept sum (or x)
  /// @param dRes (n, d) of acc, added to
  /// @param low (n, d) of C, a rounded copy of the new dRes; may be s if y is null; null: not
  ///     written
  /// @param y (n, d) of C, as [#again] writes it; null: not written
  void backward(
      Tensor dy,
      Tensor s,
      Tensor rstd,
      Tensor w,
      Tensor dRes,
      @Nullable Tensor low,
      @Nullable Tensor y,
      double offset);

  /// Adds the gradient of the weight to dw, in row order.
  ///
  /// @param dy (n, d) of acc
  /// @param s (n, d) of C, the kept sum (or x)
  /// @param dw (1, d) of acc, added to
  void weightGradient(Tensor dy, Tensor s, Tensor rstd, Tensor dw);

  /// Checks the arguments of a weight's gradient; every provider calls it.
  static void checkWeight(Tensor dy, Tensor s, Tensor rstd, Tensor dw) {
    Dtype acc = s.dtype().accumulator();
    Rows.shape("s", s, s.rows(), s.cols());
    Rows.shape("dy", dy, s.rows(), s.cols(), acc);
    Rows.shape("rstd", rstd, s.rows(), 1, acc);
    Rows.shape("dw", dw, 1, s.cols(), acc);
  }

  /// Checks the arguments of a forward; every provider calls it.
  static void checkForward(
      Tensor x, @Nullable Tensor delta, @Nullable Tensor sum, Tensor w, Tensor y, Tensor rstd) {
    if ((delta == null) != (sum == null)) {
      throw new IllegalArgumentException("delta and sum are given together or not at all");
    }
    Dtype c = x.dtype();
    Rows.shape("x", x, x.rows(), x.cols());
    if (delta != null && sum != null) {
      Rows.shape("delta", delta, x.rows(), x.cols(), c);
      Rows.shape("sum", sum, x.rows(), x.cols(), c);
    }
    Rows.shape("w", w, 1, x.cols(), c);
    Rows.shape("y", y, x.rows(), x.cols(), c);
    Rows.shape("rstd", rstd, x.rows(), 1, c.accumulator());
  }

  /// Checks the arguments of a backward; every provider calls it.
  static void checkBackward(
      Tensor dy,
      Tensor s,
      Tensor rstd,
      Tensor w,
      Tensor dRes,
      @Nullable Tensor low,
      @Nullable Tensor y) {
    Dtype c = s.dtype();
    Rows.shape("s", s, s.rows(), s.cols());
    Rows.shape("dy", dy, s.rows(), s.cols(), c.accumulator());
    Rows.shape("rstd", rstd, s.rows(), 1, c.accumulator());
    Rows.shape("w", w, 1, s.cols(), c);
    Rows.shape("dRes", dRes, s.rows(), s.cols(), c.accumulator());
    if (low != null) {
      Rows.shape("low", low, s.rows(), s.cols(), c);
    }
    if (y != null) {
      Rows.shape("y", y, s.rows(), s.cols(), c);
    }
  }

  /// Computes in double, row by row.
  final class Plain implements RmsNorm {
    @Override
    public void forward(
        Tensor x,
        @Nullable Tensor delta,
        @Nullable Tensor sum,
        Tensor w,
        Tensor y,
        Tensor rstd,
        double eps,
        double offset) {
      checkForward(x, delta, sum, w, y, rstd);
      int d = x.cols();
      double[] s = new double[d];
      double[] more = new double[d];
      double[] weight = weight(w, offset);
      for (int r = 0; r < x.rows(); r++) {
        Rows.load(x, r, s);
        if (delta != null && sum != null) {
          Rows.load(delta, r, more);
          for (int i = 0; i < d; i++) {
            s[i] = Rows.rounded(s[i] + more[i], sum.dtype());
          }
          Rows.store(s, sum, r);
        }
        double squares = 0;
        for (int i = 0; i < d; i++) {
          squares += s[i] * s[i];
        }
        rstd.set(r, 0, 1 / Math.sqrt(squares / d + eps));
        normalise(s, rstd.get(r, 0), weight, y, r);
      }
    }

    @Override
    public void again(Tensor s, Tensor rstd, Tensor w, Tensor y, double offset) {
      checkForward(s, null, null, w, y, rstd);
      double[] row = new double[s.cols()];
      double[] weight = weight(w, offset);
      for (int r = 0; r < s.rows(); r++) {
        Rows.load(s, r, row);
        normalise(row, rstd.get(r, 0), weight, y, r);
      }
    }

    private static double[] weight(Tensor w, double offset) {
      double[] weight = new double[w.cols()];
      Rows.load(w, 0, weight);
      for (int i = 0; i < weight.length; i++) {
        weight[i] += offset;
      }
      return weight;
    }

    private static void normalise(double[] s, double rstd, double[] w, Tensor y, int row) {
      for (int i = 0; i < s.length; i++) {
        s[i] = s[i] * rstd * w[i];
      }
      Rows.store(s, y, row);
    }

    @Override
    public void backward(
        Tensor dy,
        Tensor s,
        Tensor rstd,
        Tensor w,
        Tensor dRes,
        @Nullable Tensor low,
        @Nullable Tensor y,
        double offset) {
      checkBackward(dy, s, rstd, w, dRes, low, y);
      int d = s.cols();
      double[] g = new double[d];
      double[] hat = new double[d];
      double[] weight = weight(w, offset);
      double[] gradient = new double[d];
      for (int r = 0; r < s.rows(); r++) {
        double rho = rstd.get(r, 0);
        Rows.load(dy, r, g);
        Rows.load(s, r, hat);
        Rows.load(dRes, r, gradient);
        double dot = 0;
        for (int i = 0; i < d; i++) {
          hat[i] *= rho;
          g[i] *= weight[i];
          dot += g[i] * hat[i];
        }
        double mean = dot / d;
        for (int i = 0; i < d; i++) {
          gradient[i] = Rows.rounded(gradient[i] + rho * (g[i] - hat[i] * mean), dRes.dtype());
        }
        Rows.store(gradient, dRes, r);
        if (low != null) {
          Rows.store(gradient, low, r);
        }
      }
      if (y != null) {
        again(s, rstd, w, y, offset);
      }
    }

    @Override
    public void weightGradient(Tensor dy, Tensor s, Tensor rstd, Tensor dw) {
      checkWeight(dy, s, rstd, dw);
      double[] sum = new double[s.cols()];
      double[] g = new double[s.cols()];
      double[] row = new double[s.cols()];
      Rows.load(dw, 0, sum);
      for (int r = 0; r < s.rows(); r++) {
        double rho = rstd.get(r, 0);
        Rows.load(dy, r, g);
        Rows.load(s, r, row);
        for (int i = 0; i < sum.length; i++) {
          sum[i] += g[i] * (row[i] * rho);
        }
      }
      Rows.store(sum, dw, 0);
    }
  }
}
