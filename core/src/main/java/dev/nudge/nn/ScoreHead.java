package dev.nudge.nn;

import dev.nudge.tensor.Tensor;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Holds a score head: with a weight, a model computes one number for a sequence, its reward,
/// instead of next-token logits.
///
///     s = w·h        h the last token's hidden state after the final norm
///
/// A base model has no weight; an adapter sets its own, as it sets layers in slots.
///
/// Threading: assigned while no pass runs.
public final class ScoreHead {
  private @Nullable Parameter weight;

  /// Whether a weight is set.
  public boolean there() {
    return weight != null;
  }

  /// The weight (1, width), accumulator type.
  public Tensor weight() {
    return Objects.requireNonNull(weight, "no score head").master();
  }

  /// Returns a lane's gradient; null: a frozen weight.
  @Nullable Tensor gradientOf(int lane) {
    Parameter p = Objects.requireNonNull(weight, "no score head");
    return p.lanes() == 0 ? null : p.gradient(lane);
  }

  /// Computes the rewards of some rows.
  ///
  /// @param h (rows, width)
  /// @param numbers receives one reward a row
  /// @param from index of the first in `numbers`
  public void forward(Tensor h, double[] numbers, int from) {
    Tensor w = weight();
    for (int r = 0; r < h.rows(); r++) {
      double sum = 0;
      for (int c = 0; c < h.cols(); c++) {
        sum += h.get(r, c) * w.at(c);
      }
      numbers[from + r] = sum;
    }
  }

  /// Computes the gradient of the hidden states, and adds the weight's: `dh = −g·w`, `dw −= g·h`.
  ///
  /// @param h (rows, width)
  /// @param factors the weight g of each reward, as in −Σ g·s
  /// @param from index of the first in `factors`
  /// @param scale common factor of all weights
  /// @param dh (rows, width) accumulator type, written
  public void backward(Tensor h, double[] factors, int from, double scale, Tensor dh, int lane) {
    Tensor w = weight();
    Tensor dw = gradientOf(lane);
    for (int r = 0; r < h.rows(); r++) {
      double g = -scale * factors[from + r];
      for (int c = 0; c < h.cols(); c++) {
        dh.set(r, c, g * w.at(c));
        if (dw != null) {
          dw.put(c, dw.at(c) + g * h.get(r, c));
        }
      }
    }
  }

  /// Returns the weight; null: none.
  public @Nullable Parameter parameter() {
    return weight;
  }

  /// Sets a weight (1, width); null: removes it.
  public void set(@Nullable Parameter other) {
    weight = other;
  }
}
