package dev.nudge.kernel;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;

/// Gates one projection by another through SiLU, element by element.
///
/// With e the gate, u the other projection and σ the logistic function:
///
///     h  = e·σ(e)·u
///     dU = dh·e·σ(e)
///     dE = dh·u·σ(e)·(1 + e·(1 − σ(e)))
///
/// e and u are kept; σ, e·σ(e) and h are computed again, which is cheaper than reading them. The
/// backward pass gives h too, to the same bytes: a product behind it wants it once more.
public interface SwiGlu {
  /// Computes h; all (n, m) of C, out may be gate or up.
  void forward(Tensor gate, Tensor up, Tensor out);

  /// Computes both gradients and h; all (n, m) of C. dGate, dUp and h may be any of the three
  /// inputs, but not each other.
  void backward(Tensor dh, Tensor gate, Tensor up, Tensor dGate, Tensor dUp, Tensor h);

  /// Checks that another argument has the gate's shape and type; every provider calls it.
  static void check(String name, Tensor t, Tensor gate) {
    Dtype c = gate.dtype();
    Rows.shape(name, t, gate.rows(), gate.cols(), c);
  }

  /// Computes in double, row by row.
  final class Plain implements SwiGlu {
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
          e[i] = e[i] * sigmoid(e[i]) * u[i];
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
          double s = sigmoid(g);
          double gated = g * s * u[i];
          e[i] = d[i] * u[i] * s * (1 + g * (1 - s));
          u[i] = d[i] * g * s;
          d[i] = gated;
        }
        Rows.store(d, h, r);
        Rows.store(e, dGate, r);
        Rows.store(u, dUp, r);
      }
    }

    private static double sigmoid(double x) {
      return 1 / (1 + Math.exp(-x));
    }
  }
}
