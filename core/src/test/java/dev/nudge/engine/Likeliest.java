package dev.nudge.engine;

import dev.nudge.tensor.Tensor;

/// The likeliest token of a row of logits, the first of equals.
final class Likeliest {
  private Likeliest() {}

  static int of(Tensor all, int row) {
    int best = 0;
    for (int i = 1; i < all.cols(); i++) {
      best = all.get(row, i) > all.get(row, best) ? i : best;
    }
    return best;
  }
}
