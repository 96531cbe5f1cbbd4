package dev.nudge.kernel;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/// Computes log-probabilities of labels and the gradient of their weighted sum, on one chunk of
/// logits.
///
/// With z a row of logits, t its label, `m = z[k]` the first largest of them:
///
///     S       = Σ exp(z[j] − m) over j ≠ k
///     lse     = m + log1p(S)
///     logprob = (z[t] − m) − log1p(S)        (the loss of the row is −weight·logprob)
///     dz      = (exp(z − lse) − onehot(t)) · weight
///
/// Adding the largest term by log1p, not in the sum, keeps log-probabilities near zero, those of
/// confident models, relatively accurate. A NaN logit makes logprob and lse NaN, so that the
/// trainer notices it.
public interface CrossEntropy {
  /// Computes log-probabilities.
  ///
  /// @param logits (c, V) of acc
  /// @param targets (c, 1) of I32
  /// @param logprob (c, 1) of F64
  /// @param lse (c, 1) of acc
  /// @param argmax (c, 1) of I32, the first of equal maxima; null: not computed
  void forward(Tensor logits, Tensor targets, Tensor logprob, Tensor lse, @Nullable Tensor argmax);

  /// Computes the gradient of −weight·Σ logprob.
  ///
  /// @param dLogits (c, V) of C; may share the logits' memory if no row starts after the same row
  ///     of the logits
  void gradient(Tensor logits, Tensor targets, Tensor lse, double weight, Tensor dLogits);

  /// Checks the shared arguments; every provider calls it.
  static void check(Tensor logits, Tensor targets, Tensor lse) {
    Rows.shape("logits", logits, logits.rows(), logits.cols(), logits.dtype().accumulator());
    Rows.shape("targets", targets, logits.rows(), 1, Dtype.I32);
    Rows.shape("lse", lse, logits.rows(), 1, logits.dtype());
  }

  /// Checks the outputs of a forward; every provider calls it.
  static void check(Tensor logits, Tensor logprob, @Nullable Tensor argmax, int rows) {
    Rows.shape("logprob", logprob, logits.rows(), 1, Dtype.F64);
    if (argmax != null) {
      Rows.shape("argmax", argmax, rows, 1, Dtype.I32);
    }
  }

  /// Computes in double, row by row.
  final class Plain implements CrossEntropy {
    @Override
    public void forward(
        Tensor logits, Tensor targets, Tensor logprob, Tensor lse, @Nullable Tensor argmax) {
      check(logits, targets, lse);
      check(logits, logprob, argmax, logits.rows());
      double[] z = new double[logits.cols()];
      for (int r = 0; r < logits.rows(); r++) {
        int t = Rows.int32(targets, r);
        Rows.index("target", t, z.length);
        Rows.load(logits, r, z);
        int k = 0;
        for (int i = 1; i < z.length; i++) {
          if (z[i] > z[k] || (Double.isNaN(z[k]) && !Double.isNaN(z[i]))) {
            k = i;
          }
        }
        double sum = 0;
        for (int i = 0; i < z.length; i++) {
          sum += i == k ? 0 : Math.exp(z[i] - z[k]);
        }
        double rest = Math.log1p(sum);
        logprob.set(r, 0, (z[t] - z[k]) - rest);
        lse.set(r, 0, z[k] + rest);
        if (argmax != null) {
          argmax.data().set(JAVA_INT_UNALIGNED, r * argmax.rowStride() * 4, k);
        }
      }
    }

    @Override
    public void gradient(Tensor logits, Tensor targets, Tensor lse, double weight, Tensor dLogits) {
      check(logits, targets, lse);
      Rows.shape("dLogits", dLogits, logits.rows(), logits.cols());
      double[] z = new double[logits.cols()];
      for (int r = 0; r < logits.rows(); r++) {
        int t = Rows.int32(targets, r);
        Rows.index("target", t, z.length);
        Rows.load(logits, r, z);
        double l = lse.get(r, 0);
        double label = Math.expm1(z[t] - l) * weight;
        for (int i = 0; i < z.length; i++) {
          z[i] = Math.exp(z[i] - l) * weight;
        }
        z[t] = label;
        Rows.store(z, dLogits, r);
      }
    }
  }
}
