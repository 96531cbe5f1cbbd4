package dev.nudge.kernel;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;

/// Computes the softmax of attention and its gradient, on one block of scores.
///
/// A block has a row for each query and a column for each key, with raw products q·k. With grouped
/// heads (GQA) the `repeat` queries of one token that share a key-value head are adjacent rows.
/// The mask is causal, so it is one number a row and never a matrix:
///
///     limit(i) = first + ⌊i / repeat⌋ + 1, clamped to 0 … cols: row i sees columns [0, limit(i)),
///     or with a window of w keys [limit(i) − w, limit(i))
///
/// where `first` is the position of the block's first token relative to its first key. Other
/// columns are not read; their output is 0. A row that sees no key has lse = −∞.
///
///     lse = log Σ exp(c·s)          P = exp(c·s − lse)          (c the scale)
///     dS  = c · P · (dP − D)        D = rowsum(dO ∘ O) = rowsum(P ∘ dP)
///
/// Only lse is saved: the backward pass recomputes P once, and dS from P before rounding.
public interface SoftmaxRows {
  /// Computes P and lse.
  ///
  /// @param scores (rows, cols) of acc, raw; undefined afterwards in rows that see no key
  /// @param window keys that a row sees at most; 0: all
  /// @param probs (rows, cols) of C; may be scores where C is acc
  /// @param lse (rows, 1) of acc
  void forward(
      Tensor scores, double scale, int first, int repeat, int window, Tensor probs, Tensor lse);

  /// Recomputes P from lse, and computes dS.
  ///
  /// @param dP (rows, cols) of acc
  /// @param d (rows, 1) of acc
  /// @param probs (rows, cols) of C; may be scores where C is acc
  /// @param dS (rows, cols) of C; may be dP where C is acc
  void backward(
      Tensor scores,
      double scale,
      int first,
      int repeat,
      int window,
      Tensor lse,
      Tensor dP,
      Tensor d,
      Tensor probs,
      Tensor dS);

  /// Computes the dot product of each head's slice of a and b.
  ///
  /// @param a (n, heads·headDim) of any float type
  /// @param b like a, of any float type
  /// @param out (n, heads) of acc
  void rowDots(Tensor a, Tensor b, int heads, Tensor out);

  /// Returns the end of the columns that row i sees.
  static int limit(int first, int repeat, int i, int cols) {
    return Math.clamp((long) first + i / repeat + 1, 0, cols);
  }

  /// Returns the first column that the row sees.
  static int begin(int limit, int window) {
    return window == 0 ? 0 : Math.max(0, limit - window);
  }

  /// Checks the arguments of a block operation; every provider calls it.
  static void check(Tensor scores, int repeat, Tensor column, Tensor c) {
    if (repeat < 1) {
      throw new IllegalArgumentException("repeat " + repeat + " must be at least 1");
    }
    Dtype acc = c.dtype().accumulator();
    Rows.shape("scores", scores, scores.rows(), scores.cols(), acc);
    Rows.shape("lse or d", column, scores.rows(), 1, acc);
    Rows.shape("probs or dS", c, scores.rows(), scores.cols());
  }

  /// Checks the arguments of the dot products; every provider calls it.
  static void check(Tensor a, Tensor b, int heads, Tensor out) {
    if (heads < 1 || a.cols() % heads != 0) {
      throw new IllegalArgumentException(heads + " heads must divide the columns of " + a);
    }
    Rows.shape("a", a, a.rows(), a.cols());
    Rows.shape("b", b, a.rows(), a.cols());
    Rows.shape("out", out, a.rows(), heads);
  }

  /// Computes in double, row by row.
  final class Plain implements SoftmaxRows {
    @Override
    public void forward(
        Tensor scores, double scale, int first, int repeat, int window, Tensor probs, Tensor lse) {
      check(scores, repeat, lse, probs);
      double[] s = new double[scores.cols()];
      for (int r = 0; r < scores.rows(); r++) {
        int limit = limit(first, repeat, r, scores.cols());
        int begin = begin(limit, window);
        Rows.load(scores, r, s);
        double max = Double.NEGATIVE_INFINITY;
        for (int i = begin; i < limit; i++) {
          s[i] *= scale;
          max = Math.max(max, s[i]);
        }
        double sum = 0;
        for (int i = begin; i < limit; i++) {
          s[i] = Math.exp(s[i] - max);
          sum += s[i];
        }
        for (int i = 0; i < s.length; i++) {
          s[i] = i >= begin && i < limit ? s[i] / sum : 0;
        }
        Rows.store(s, probs, r);
        lse.set(r, 0, limit == 0 ? max : max + Math.log(sum));
      }
    }

    @Override
    public void backward(
        Tensor scores,
        double scale,
        int first,
        int repeat,
        int window,
        Tensor lse,
        Tensor dP,
        Tensor d,
        Tensor probs,
        Tensor dS) {
      check(scores, repeat, lse, probs);
      check(dP, repeat, d, dS);
      Rows.shape("dP", dP, scores.rows(), scores.cols());
      double[] s = new double[scores.cols()];
      double[] g = new double[scores.cols()];
      for (int r = 0; r < scores.rows(); r++) {
        int limit = limit(first, repeat, r, scores.cols());
        int begin = begin(limit, window);
        double l = lse.get(r, 0);
        double dot = d.get(r, 0);
        Rows.load(scores, r, s);
        Rows.load(dP, r, g);
        for (int i = 0; i < s.length; i++) {
          boolean seen = i >= begin && i < limit;
          s[i] = seen ? Math.exp(s[i] * scale - l) : 0;
          g[i] = seen ? scale * s[i] * (g[i] - dot) : 0;
        }
        Rows.store(s, probs, r);
        Rows.store(g, dS, r);
      }
    }

    @Override
    public void rowDots(Tensor a, Tensor b, int heads, Tensor out) {
      check(a, b, heads, out);
      int headDim = a.cols() / heads;
      double[] x = new double[a.cols()];
      double[] y = new double[a.cols()];
      for (int r = 0; r < a.rows(); r++) {
        Rows.load(a, r, x);
        Rows.load(b, r, y);
        for (int h = 0; h < heads; h++) {
          double dot = 0;
          for (int i = h * headDim; i < (h + 1) * headDim; i++) {
            dot += x[i] * y[i];
          }
          out.set(r, h, dot);
        }
      }
    }
  }
}
