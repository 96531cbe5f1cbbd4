package dev.nudge.kernel;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;

/// Computes gated activations, SwiGLU, GeGLU or the sigmoid's, element by element.
///
/// With e the gate, u the up projection and a(e) = e·σ(t) the activation, where t = e is SiLU
/// and t = 2·√(2/π)·(e + 0.044715·e³) is the tanh form of GELU (½·e·(1 + tanh(t/2)) = e·σ(t)):
///
///     h  = a(e)·u
///     dU = dh·a(e)
///     dE = dh·u·σ(t)·(1 + e·(1 − σ(t))·t′)
///
/// The sigmoid is a(e) = σ(e), with dE = dh·u·σ(e)·(1 − σ(e)); with u = e it gives SiLU.
///
/// Training saves e and u and recomputes σ, a and h, which is cheaper than reading them. The
/// backward pass also writes the same h, for the weight gradient of the down projection.
public interface Glu {
  /// Computes h; all (n, m) of C, out may be gate or up.
  void forward(Tensor gate, Tensor up, Tensor out);

  /// Computes both gradients and h; all (n, m) of C. dGate, dUp and h may be any of the three
  /// inputs, but not each other.
  void backward(Tensor dh, Tensor gate, Tensor up, Tensor dGate, Tensor dUp, Tensor h);

  /// The activation of the gate.
  enum Activation {
    SILU,
    GELU_TANH,
    /// The gate of an attention's output.
    SIGMOID;

    /// 2·√(2/π).
    public static final double SLOPE = 2 * Math.sqrt(2 / Math.PI);

    /// The factor of e³.
    public static final double CUBE = 0.044715;

    double t(double e) {
      return this != GELU_TANH ? e : SLOPE * (e + CUBE * e * e * e);
    }

    double slope(double e) {
      return this != GELU_TANH ? 1 : SLOPE * (1 + 3 * CUBE * e * e);
    }
  }

  /// Checks that another argument has the gate's shape and type; every provider calls it.
  static void check(String name, Tensor t, Tensor gate) {
    Dtype c = gate.dtype();
    Rows.shape(name, t, gate.rows(), gate.cols(), c);
  }

  /// Computes in double, row by row.
  ///
  /// @param activation of the gate
  record Plain(Activation activation) implements Glu {
    @Override
    public void forward(Tensor gate, Tensor up, Tensor out) {
      check("gate", gate, gate);
      check("up", up, gate);
      check("out", out, gate);
      double[] e = new double[gate.cols()];
      double[] u = new double[gate.cols()];
      for (int r = 0; r < gate.rows(); r++) {
        Rows.load(gate, r, e);
        Rows.load(up, r, u);
        for (int i = 0; i < e.length; i++) {
          e[i] = factor(e[i]) * sigmoid(activation.t(e[i])) * u[i];
        }
        Rows.store(e, out, r);
      }
    }

    @Override
    public void backward(Tensor dh, Tensor gate, Tensor up, Tensor dGate, Tensor dUp, Tensor h) {
      check("gate", gate, gate);
      check("dh", dh, gate);
      check("up", up, gate);
      check("dGate", dGate, gate);
      check("dUp", dUp, gate);
      check("h", h, gate);
      double[] d = new double[gate.cols()];
      double[] e = new double[gate.cols()];
      double[] u = new double[gate.cols()];
      for (int r = 0; r < gate.rows(); r++) {
        Rows.load(dh, r, d);
        Rows.load(gate, r, e);
        Rows.load(up, r, u);
        for (int i = 0; i < e.length; i++) {
          double g = e[i];
          double s = sigmoid(activation.t(g));
          double gated = factor(g) * s * u[i];
          double rise =
              activation == Activation.SIGMOID ? 1 - s : 1 + g * (1 - s) * activation.slope(g);
          e[i] = d[i] * u[i] * s * rise;
          u[i] = d[i] * factor(g) * s;
          d[i] = gated;
        }
        Rows.store(d, h, r);
        Rows.store(e, dGate, r);
        Rows.store(u, dUp, r);
      }
    }

    private double factor(double gate) {
      return activation == Activation.SIGMOID ? 1 : gate;
    }

    private static double sigmoid(double x) {
      return 1 / (1 + Math.exp(-x));
    }
  }
}
