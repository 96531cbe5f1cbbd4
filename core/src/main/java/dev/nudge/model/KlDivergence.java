package dev.nudge.model;

/// Computes the Kullback-Leibler divergence [1] of two models' next-token distributions, in nats.
///
/// With x the logits and p the probabilities of the reference, y and q those of the other
///
///     KL(p ‖ q) = Σ p · (log p − log q),  log p = x − log Σ exp x
///
/// The reference is the model before a change (the base, or the parts of a merged adapter). The
/// divergence is the cost, in nats a token, of coding the reference's text with the other model. It
/// is exactly 0 if both have the same logits, and never negative but for rounding. A token that
/// only the other vocabulary has counts in the other's normaliser only.
///
/// [1] S. Kullback, R. Leibler, On information and sufficiency, 1951.
public final class KlDivergence {
  private KlDivergence() {}

  /// The divergence of two rows of logits.
  ///
  /// @param reference logits of the reference; as many as the other has, or fewer
  public static double of(double[] reference, double[] other) {
    return of(reference, logSumExp(reference), other, logSumExp(other));
  }

  /// The divergence if both normalisers are known.
  public static double of(double[] x, double logX, double[] y, double logY) {
    if (x.length > y.length) {
      throw new IllegalArgumentException(
          "the reference has %d tokens, the other %d".formatted(x.length, y.length));
    }
    double divergence = 0;
    for (int v = 0; v < x.length; v++) {
      double logP = x[v] - logX;
      double p = Math.exp(logP);
      divergence += p == 0 ? 0 : p * (logP - (y[v] - logY));
    }
    return divergence;
  }

  /// The logarithm of the sum of all exponentials: a logit less this is a log-probability.
  public static double logSumExp(double[] z) {
    double largest = Double.NEGATIVE_INFINITY;
    for (double v : z) {
      largest = Math.max(largest, v);
    }
    double sum = 0;
    for (double v : z) {
      sum += Math.exp(v - largest);
    }
    return largest + Math.log(sum);
  }
}
