package dev.nudge.kernel;

import dev.nudge.tensor.Tensor;

/// Prepares SwiGLU's inputs in gpt-oss: interleaved gate and up, clamped at a limit L.
///
/// With e and u the numbers of a row at even and odd index, the expert computes
///
///     h = (clamp(u, −L, L) + 1) · e′·σ(α·e′),  e′ = min(e, L)
///
/// which is SwiGLU of the gate α·e′ and the up projection (clamp(u) + 1)/α. The gradient of a
/// clamped number is 0.
///
/// @param slope α
/// @param limit L
public record ClampedGlu(double slope, double limit) {
  /// Writes gate and up (n, m) of SwiGLU.
  ///
  /// @param turns (n, 2·m)
  public void forward(Tensor turns, Tensor gate, Tensor up) {
    double[] both = new double[turns.cols()];
    double[] e = new double[gate.cols()];
    double[] u = new double[gate.cols()];
    for (int r = 0; r < turns.rows(); r++) {
      Rows.load(turns, r, both);
      for (int i = 0; i < e.length; i++) {
        e[i] = slope * Math.min(both[2 * i], limit);
        u[i] = (Math.clamp(both[2 * i + 1], -limit, limit) + 1) / slope;
      }
      Rows.store(e, gate, r);
      Rows.store(u, up, r);
    }
  }

  /// Overwrites `turns` with its gradient.
  ///
  /// @param dGate gradient of gate
  /// @param dUp gradient of up
  public void backward(Tensor turns, Tensor dGate, Tensor dUp) {
    double[] both = new double[turns.cols()];
    double[] e = new double[dGate.cols()];
    double[] u = new double[dGate.cols()];
    for (int r = 0; r < turns.rows(); r++) {
      Rows.load(turns, r, both);
      Rows.load(dGate, r, e);
      Rows.load(dUp, r, u);
      for (int i = 0; i < e.length; i++) {
        both[2 * i] = both[2 * i] <= limit ? slope * e[i] : 0;
        both[2 * i + 1] = Math.abs(both[2 * i + 1]) <= limit ? u[i] / slope : 0;
      }
      Rows.store(both, turns, r);
    }
  }
}
