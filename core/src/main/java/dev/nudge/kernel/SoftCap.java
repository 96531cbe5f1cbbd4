package dev.nudge.kernel;

import dev.nudge.tensor.Tensor;

/// Soft-caps numbers to ±cap, in place.
///
///     y  = cap·tanh(scale·x / cap)
///     dx = dy·scale·(1 − (y/cap)²)
///
/// Keeps y instead of x: the slope of tanh follows from its value.
public interface SoftCap {
  /// x ← y; x (n, m) of acc.
  void forward(Tensor x, double scale, double cap);

  /// dy ← dx.
  ///
  /// @param y (n, m) of acc, as [#forward] wrote it
  /// @param dy (n, m) of any float type
  void backward(Tensor y, Tensor dy, double scale, double cap);

  /// Computes in double, row by row.
  final class Plain implements SoftCap {
    @Override
    public void forward(Tensor x, double scale, double cap) {
      Rows.shape("x", x, x.rows(), x.cols());
      double[] row = new double[x.cols()];
      for (int r = 0; r < x.rows(); r++) {
        Rows.load(x, r, row);
        for (int i = 0; i < row.length; i++) {
          row[i] = cap * Math.tanh(scale * row[i] / cap);
        }
        Rows.store(row, x, r);
      }
    }

    @Override
    public void backward(Tensor y, Tensor dy, double scale, double cap) {
      Rows.shape("y", y, y.rows(), y.cols());
      Rows.shape("dy", dy, y.rows(), y.cols());
      double[] row = new double[y.cols()];
      double[] g = new double[y.cols()];
      for (int r = 0; r < y.rows(); r++) {
        Rows.load(y, r, row);
        Rows.load(dy, r, g);
        for (int i = 0; i < row.length; i++) {
          double t = row[i] / cap;
          g[i] *= scale * (1 - t * t);
        }
        Rows.store(g, dy, r);
      }
    }
  }
}
