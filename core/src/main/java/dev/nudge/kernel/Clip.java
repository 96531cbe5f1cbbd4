package dev.nudge.kernel;

import dev.nudge.tensor.Tensor;

/// Clamps numbers into [−c, c]: y = min(max(x, −c), c), and dx = dy where |x| ≤ c, else 0.
///
/// Few models clamp, and clamping is cheap, so one implementation suffices.
public final class Clip {
  private Clip() {}

  /// y ← x clamped; y may be x.
  public static void forward(Tensor x, double c, Tensor y) {
    double[] row = new double[x.cols()];
    for (int r = 0; r < x.rows(); r++) {
      Rows.load(x, r, row);
      for (int i = 0; i < row.length; i++) {
        row[i] = Math.clamp(row[i], -c, c);
      }
      Rows.store(row, y, r);
    }
  }

  /// dx ← dy where x was not clamped, else 0; dx may be dy or x.
  public static void backward(Tensor x, double c, Tensor dy, Tensor dx) {
    double[] row = new double[x.cols()];
    double[] d = new double[x.cols()];
    for (int r = 0; r < x.rows(); r++) {
      Rows.load(x, r, row);
      Rows.load(dy, r, d);
      for (int i = 0; i < row.length; i++) {
        d[i] = Math.abs(row[i]) <= c ? d[i] : 0;
      }
      Rows.store(d, dx, r);
    }
  }
}
