package dev.nudge.nn;

import dev.nudge.kernel.Routing;
import dev.nudge.kernel.Rows;
import dev.nudge.tensor.Tensor;

/// Computes a training pass's router load-balancing loss, by sequence. [1]
///
/// Over all MoE layers l and all tokens t of a sequence, R (layer, token) pairs, with p the softmax
/// of the logits over all E experts:
///
///     f_e = 1/R · Σ [e among the k largest of p_lt]     P_e = 1/R · Σ p_lte
///     loss = E · Σ f_e·P_e          dz_ltj = E/R · p_j·(f_j − Σ f_e·p_e)
///
/// f has no gradient; it is pooled over layers, so gradients are known only after the forward pass.
/// A perfect balance has loss k.
///
/// Threading: confined to one lane.
///
/// [1] Fedus et al., Switch Transformers, arXiv:2101.03961; pooled as in transformers.
public final class Balance {
  private final double coefficient;
  private double[][] chosen = new double[0][];
  private double[][] shares = new double[0][];
  private long[] rows = new long[0];

  /// @param coefficient of each sequence's loss in the objective
  public Balance(double coefficient) {
    this.coefficient = coefficient;
  }

  /// Counts a layer's tokens.
  void count(Tensor logits, int k, Segments segments) {
    int experts = logits.cols();
    if (rows.length == 0) {
      chosen = new double[segments.count()][experts];
      shares = new double[segments.count()][experts];
      rows = new long[segments.count()];
    }
    double[] p = new double[experts];
    for (int i = 0; i < rows.length; i++) {
      rows[i] += segments.length(i);
      for (int t = segments.start(i); t < segments.start(i) + segments.length(i); t++) {
        Routing.probabilities(logits, t, p);
        for (int e = 0; e < experts; e++) {
          shares[i][e] += p[e];
        }
        for (int j = 0; j < k; j++) {
          int best = Routing.largest(p);
          chosen[i][best]++;
          p[best] = -1;
        }
      }
    }
  }

  /// Returns the sum of the sequences' losses, unscaled.
  public double loss() {
    double sum = 0;
    for (int i = 0; i < rows.length; i++) {
      double dot = 0;
      for (int e = 0; e < chosen[i].length; e++) {
        dot += chosen[i][e] / rows[i] * (shares[i][e] / rows[i]);
      }
      sum += rows[i] == 0 ? 0 : chosen[i].length * dot;
    }
    return sum;
  }

  /// Adds the gradient of a layer's logits.
  void addGradient(Tensor logits, Segments segments, Tensor dLogits) {
    int experts = logits.cols();
    double[] p = new double[experts];
    for (int i = 0; i < rows.length; i++) {
      double factor = coefficient * experts / rows[i] / rows[i];
      for (int t = segments.start(i); t < segments.start(i) + segments.length(i); t++) {
        Routing.probabilities(logits, t, p);
        double mean = 0;
        for (int e = 0; e < experts; e++) {
          mean += chosen[i][e] * p[e];
        }
        for (int e = 0; e < experts; e++) {
          p[e] *= factor * (chosen[i][e] - mean);
        }
        Rows.addTo(dLogits, t, p);
      }
    }
  }
}
