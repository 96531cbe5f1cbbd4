package dev.nudge.nn;

import dev.nudge.tensor.Tensor;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// The place of a score head: with a weight in it, a model gives a sequence one number, its reward,
/// instead of next-token logits.
///
///     s = w·h        h the last token's hidden state after the final norm
///
/// A model has none by itself; an adapter puts its own here, as it puts layers into slots.
///
/// Threading: assigned while no pass runs.
public final class ScoreHead {
  private @Nullable Parameter weight;

  /// Whether there is a weight.
  public boolean there() {
    return weight != null;
  }

  /// The weight (1, width), accumulator type.
  public Tensor weight() {
    return Objects.requireNonNull(weight, "no score head").master();
  }

  /// The weight's gradient of a lane; null where it is frozen.
  @Nullable Tensor gradientOf(int lane) {
    Parameter p = Objects.requireNonNull(weight, "no score head");
    return p.lanes() == 0 ? null : p.gradient(lane);
  }

  /// Computes the numbers of some rows.
  ///
  /// @param h (rows, width)
  /// @param numbers receives one number a row
  /// @param from place of the first in `numbers`
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
  /// @param factors the weight g of each number, as in −Σ g·s
  /// @param from place of the first in `factors`
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

  /// The weight in this place; null: none.
  public @Nullable Parameter parameter() {
    return weight;
  }

  /// Puts a weight (1, width) here; null: takes it away.
  public void set(@Nullable Parameter other) {
    weight = other;
  }
}
