package dev.nudge.kernel;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/// Takes one step of Adam with decoupled weight decay, in the order of torch.optim.AdamW [1].
///
///     g  = clip·grad
///     p ← p − lr·decay·p
///     m ← m + (1 − β₁)(g − m)
///     v ← β₂v + (1 − β₂)g²
///     p ← p − lr/(1 − β₁ᵗ) · m / (sqrt(v / (1 − β₂ᵗ)) + eps)
///
/// Masters, moments and gradients are F32 (or F64): a step is often smaller than half a unit in
/// the last place of a bf16 parameter. The working copy is rounded in the same sweep.
///
/// [1] Loshchilov and Hutter, Decoupled Weight Decay Regularization, ICLR 2019.
public interface AdamW {
  /// Hyperparameters of one step.
  ///
  /// @param clip factor on the gradient: below 1 if its norm exceeded the limit
  /// @param t number of this step, from 1
  record Hyper(
      double lr, double beta1, double beta2, double eps, double decay, double clip, long t) {
    public Hyper {
      if (t < 1) {
        throw new IllegalArgumentException("step " + t + " must be at least 1");
      }
    }

    /// lr / (1 − β₁ᵗ).
    public double stepSize() {
      return lr / (1 - Math.pow(beta1, t));
    }

    /// sqrt(1 − β₂ᵗ).
    public double correction() {
      return Math.sqrt(1 - Math.pow(beta2, t));
    }
  }

  /// Updates master, m and v, and writes the working copy.
  ///
  /// @param master (n, k) of F32 or F64, as are grad, m and v
  /// @param work (n, k) of any float type; null if the master is the working copy
  void step(Tensor master, @Nullable Tensor work, Tensor grad, Tensor m, Tensor v, Hyper h);

  /// Checks the arguments; every provider calls it.
  static void check(Tensor master, @Nullable Tensor work, Tensor grad, Tensor m, Tensor v) {
    Dtype acc = master.dtype().accumulator();
    Rows.shape("master", master, master.rows(), master.cols(), acc);
    Rows.shape("grad", grad, master.rows(), master.cols(), acc);
    Rows.shape("m", m, master.rows(), master.cols(), acc);
    Rows.shape("v", v, master.rows(), master.cols(), acc);
    if (work != null) {
      Rows.shape("work", work, master.rows(), master.cols());
    }
  }

  /// Computes in double, row by row.
  final class Plain implements AdamW {
    @Override
    public void step(
        Tensor master, @Nullable Tensor work, Tensor grad, Tensor m, Tensor v, Hyper h) {
      check(master, work, grad, m, v);
      int n = master.cols();
      double[] p = new double[n];
      double[] g = new double[n];
      double[] first = new double[n];
      double[] second = new double[n];
      double size = h.stepSize();
      double correction = h.correction();
      for (int r = 0; r < master.rows(); r++) {
        Rows.load(master, r, p);
        Rows.load(grad, r, g);
        Rows.load(m, r, first);
        Rows.load(v, r, second);
        for (int i = 0; i < n; i++) {
          double clipped = g[i] * h.clip();
          first[i] += (1 - h.beta1()) * (clipped - first[i]);
          second[i] = h.beta2() * second[i] + (1 - h.beta2()) * clipped * clipped;
          double decayed = p[i] - h.lr() * h.decay() * p[i];
          double denominator = Math.sqrt(second[i]) / correction + h.eps();
          p[i] = Rows.rounded(decayed - size * first[i] / denominator, master.dtype());
        }
        Rows.store(p, master, r);
        Rows.store(first, m, r);
        Rows.store(second, v, r);
        if (work != null) {
          Rows.store(p, work, r);
        }
      }
    }
  }
}
