package dev.nudge;

import dev.nudge.model.Batch;
import dev.nudge.model.CausalLm;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;

/// The logits of a model in tests, and how far two of them are apart.
public final class Logits {
  private Logits() {}

  /// The logits of a sequence.
  public static double[] of(CausalLm model, int... ids) {
    Batch batch = new Batch(ids, new int[] {ids.length}, new long[1], new int[0], new int[0]);
    try (Workspace ws = new Workspace(0, 16 << 20, model.backend().gemms().apply(1))) {
      Tensor logits = model.logits(batch, ws);
      double[] all = new double[(int) logits.elements()];
      for (int i = 0; i < all.length; i++) {
        all[i] = logits.at(i);
      }
      return all;
    }
  }

  /// The largest difference, as a share of the largest number of `y`.
  public static double apart(double[] x, double[] y) {
    double most = 0;
    double largest = 0;
    for (int i = 0; i < x.length; i++) {
      most = Math.max(most, Math.abs(x[i] - y[i]));
      largest = Math.max(largest, Math.abs(y[i]));
    }
    return most / largest;
  }
}
