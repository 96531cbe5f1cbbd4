package dev.nudge.nn;

import dev.nudge.tensor.Tensor;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// Counts the tokens routed to each expert of each layer in a training step; recomputation does not
/// count.
///
/// Threading: confined to one lane; [#addTo] after its pass.
public final class ExpertLoad {
  private final long[][] tokens; // layer, expert
  private @Nullable Balance balance;

  /// @param experts of each layer; 0: dense
  public ExpertLoad(int... experts) {
    this.tokens = Arrays.stream(experts).mapToObj(long[]::new).toArray(long[][]::new);
  }

  /// Resets the counts.
  public void reset() {
    for (long[] layer : tokens) {
      Arrays.fill(layer, 0);
    }
  }

  /// Begins a pass.
  ///
  /// @param loss of its routers; null: none
  public ExpertLoad begin(@Nullable Balance loss) {
    balance = loss;
    return this;
  }

  /// Adds the counts to `sum` (layers, experts).
  public void addTo(long[][] sum) {
    for (int layer = 0; layer < sum.length; layer++) {
      for (int e = 0; e < sum[layer].length; e++) {
        sum[layer][e] += tokens[layer][e];
      }
    }
  }

  /// Counts a layer's tokens.
  public void count(int layer, Tensor logits, Routed routed, Segments rows) {
    for (int e = 0; e < tokens[layer].length; e++) {
      tokens[layer][e] += routed.start(e + 1) - routed.start(e);
    }
    if (balance != null) {
      balance.count(logits, routed.chosen().cols(), rows);
    }
  }

  /// Adds the gradient of the load-balancing loss, if set.
  public void addGradient(Tensor logits, Segments rows, Tensor dLogits) {
    if (balance != null) {
      balance.addGradient(logits, rows, dLogits);
    }
  }
}
