package dev.nudge.kernel;

import dev.nudge.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/// Chooses experts for tokens, and moves rows between tokens and experts.
///
/// With z the router's logits of a token and p = softmax(z) over all experts, the k chosen experts
/// have the largest logits (ties: the lower index), in descending order, and
///
///     SOFTMAX     w_j = p_j                              dz_e = p_e·(g_e − Σ w_i·g_i)
///     NORMALISED  w_j = p_j / Σ p_i over the chosen      dz_j = w_j·(g_j − Σ w_i·g_i)
///
/// where g is the weights' gradient, 0 for an expert that was not chosen. NORMALISED is also a
/// softmax over the chosen logits. A token's k outputs are added in the order of its choice.
///
/// One implementation computes in double, row by row: the cost is small beside the experts'
/// products. No method allocates memory that depends on the rows.
public final class Routing {
  private Routing() {}

  /// Computes a token's weights from the logits.
  public enum Rule {
    /// The probabilities of the chosen experts, whose sum is below 1.
    SOFTMAX,
    /// SOFTMAX divided by its sum.
    NORMALISED
  }

  /// Writes the chosen experts and their weights.
  ///
  /// @param logits (n, experts)
  /// @param weights (n, k), contiguous
  /// @param chosen (n, k) I32, contiguous
  public static void choose(Tensor logits, Rule rule, Tensor weights, Tensor chosen) {
    int experts = logits.cols();
    int k = chosen.cols();
    double[] z = new double[experts];
    double[] p = new double[experts];
    double[] w = new double[k];
    for (int t = 0; t < logits.rows(); t++) {
      Rows.load(logits, t, z);
      probabilities(logits, t, p);
      double sum = 0;
      for (int j = 0; j < k; j++) {
        int best = largest(z);
        chosen.put((long) t * k + j, best);
        w[j] = p[best];
        sum += w[j];
        z[best] = Double.NEGATIVE_INFINITY;
      }
      for (int j = 0; j < k && rule == Rule.NORMALISED; j++) {
        w[j] /= sum;
      }
      Rows.store(w, weights, t);
    }
  }

  /// Writes the gradient of the logits.
  ///
  /// @param products a column: w_j·g_j of token t is in row `places[t, j]`
  /// @param places (n, k) I32, contiguous
  /// @param dLogits (n, experts), may be `logits`
  public static void backward(
      Tensor logits, Rule rule, Tensor chosen, Tensor products, Tensor places, Tensor dLogits) {
    int k = chosen.cols();
    double[] p = new double[logits.cols()];
    double[] own = new double[k];
    double[] w = new double[k];
    for (int t = 0; t < logits.rows(); t++) {
      probabilities(logits, t, p);
      double sum = 0;
      double share = 0;
      for (int j = 0; j < k; j++) {
        own[j] = products.get(Rows.int32(places, t, j), 0);
        w[j] = p[Rows.int32(chosen, t, j)];
        sum += own[j];
        share += w[j];
      }
      for (int e = 0; e < p.length; e++) {
        p[e] = rule == Rule.SOFTMAX ? -sum * p[e] : 0;
      }
      for (int j = 0; j < k; j++) {
        double rest = rule == Rule.SOFTMAX ? 0 : -sum * w[j] / share;
        p[Rows.int32(chosen, t, j)] += own[j] + rest;
      }
      Rows.store(p, dLogits, t);
    }
  }

  /// Returns the index of the largest number, the first on ties; 0 if all are NaN.
  public static int largest(double[] z) {
    int best = 0;
    for (int e = 1; e < z.length; e++) {
      best = z[e] > z[best] || Double.isNaN(z[best]) ? e : best;
    }
    return best;
  }

  /// p ← softmax of a row of logits.
  public static void probabilities(Tensor logits, int row, double[] p) {
    Rows.load(logits, row, p);
    softmax(p);
  }

  private static void softmax(double[] z) {
    double most = Double.NEGATIVE_INFINITY;
    for (double v : z) {
      most = Math.max(most, v);
    }
    double sum = 0;
    for (int i = 0; i < z.length; i++) {
      z[i] = Math.exp(z[i] - most);
      sum += z[i];
    }
    for (int i = 0; i < z.length; i++) {
      z[i] /= sum;
    }
  }

  /// Computes y_t = Σ_j w_tj·x[places_tj], summed in the order of j.
  ///
  /// @param places (n, k) I32, contiguous
  /// @param weights (n, k), contiguous; null: ones
  public static void combine(Tensor x, Tensor places, @Nullable Tensor weights, Tensor y) {
    int k = places.cols();
    double[] row = new double[y.cols()];
    double[] sum = new double[y.cols()];
    for (int t = 0; t < y.rows(); t++) {
      for (int j = 0; j < k; j++) {
        Rows.load(x, Rows.int32(places, t, j), row);
        double w = weights == null ? 1 : weights.at((long) t * k + j);
        for (int i = 0; i < sum.length; i++) {
          sum[i] = (j == 0 ? 0 : sum[i]) + w * row[i];
        }
      }
      Rows.store(sum, y, t);
    }
  }

  /// x_r ← w_r·x_r, with the weights of `pairs` (n, 1) I32, indices of a contiguous tensor.
  ///
  /// @param pairs null: row indices
  public static void scale(Tensor x, Tensor weights, @Nullable Tensor pairs) {
    double[] row = new double[x.cols()];
    for (int r = 0; r < x.rows(); r++) {
      Rows.load(x, r, row);
      double w = weights.at(pairs == null ? r : Rows.int32(pairs, r));
      for (int i = 0; i < row.length; i++) {
        row[i] *= w;
      }
      Rows.store(row, x, r);
    }
  }

  /// out_r ← x_r·y_r, a column.
  public static void dots(Tensor x, Tensor y, Tensor out) {
    double[] a = new double[x.cols()];
    double[] b = new double[x.cols()];
    for (int r = 0; r < x.rows(); r++) {
      Rows.load(x, r, a);
      Rows.load(y, r, b);
      double sum = 0;
      for (int i = 0; i < a.length; i++) {
        sum += a[i] * b[i];
      }
      out.set(r, 0, sum);
    }
  }

  /// out_r += x_r·b for one row b (1, cols).
  public static void addDots(Tensor x, Tensor b, Tensor out) {
    double[] row = new double[x.cols()];
    double[] bias = new double[x.cols()];
    Rows.load(b, 0, bias);
    for (int r = 0; r < x.rows(); r++) {
      Rows.load(x, r, row);
      double sum = out.get(r, 0);
      for (int i = 0; i < row.length; i++) {
        sum += row[i] * bias[i];
      }
      out.set(r, 0, sum);
    }
  }

  /// x ← σ(x), a column.
  public static void sigmoid(Tensor x) {
    for (int r = 0; r < x.rows(); r++) {
      x.set(r, 0, 1 / (1 + Math.exp(-x.get(r, 0))));
    }
  }

  /// dx ← (1 − s)·products: the gradient of a sigmoid's input, from s and s·ds in `products`;
  /// columns.
  public static void sigmoidBackward(Tensor s, Tensor products) {
    for (int r = 0; r < s.rows(); r++) {
      products.set(r, 0, (1 - s.get(r, 0)) * products.get(r, 0));
    }
  }
}
