package dev.nudge.nn;

import dev.nudge.kernel.Routing;
import dev.nudge.kernel.Rows;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.Arrays;

/// The experts of each token, and the pairs of token and expert sorted by expert, then token.
///
/// @param weights of the chosen experts, (tokens, k) in the accumulator type
/// @param chosen experts, (tokens, k) I32
/// @param starts each expert's first sorted row, then the row count
/// @param tokens the token of each sorted row, (tokens · k, 1) I32
/// @param pairs the pair of each sorted row: k · its token + the rank of the choice
/// @param places the sorted row of each pair, (tokens, k) I32
public record Routed(
    Tensor weights, Tensor chosen, int[] starts, Tensor tokens, Tensor pairs, Tensor places) {
  /// Chooses experts by the router's logits (tokens, experts). Dry runs route all tokens to the
  /// first k.
  public static Routed of(Tensor logits, Routing.Rule rule, int k, Workspace ws) {
    int n = logits.rows();
    int experts = logits.cols();
    Routed routed =
        new Routed(
            ws.take(logits.dtype().accumulator(), n, k),
            ws.take(Dtype.I32, n, k),
            new int[experts + 1],
            ws.take(Dtype.I32, n * k, 1),
            ws.take(Dtype.I32, n * k, 1),
            ws.take(Dtype.I32, n, k));
    if (ws.dry()) {
      Arrays.setAll(routed.starts, e -> Math.min(e, k) * n);
    } else {
      Routing.choose(logits, rule, routed.weights, routed.chosen);
      routed.sort();
    }
    return routed;
  }

  /// Sorts the pairs by counting.
  private void sort() {
    Tensor flat = chosen.reshaped(chosen.elements(), 1);
    int k = chosen.cols();
    for (int pair = 0; pair < flat.rows(); pair++) {
      starts[Rows.int32(flat, pair) + 1]++;
    }
    for (int e = 1; e < starts.length; e++) {
      starts[e] += starts[e - 1];
    }
    int[] next = starts.clone();
    for (int pair = 0; pair < flat.rows(); pair++) {
      int row = next[Rows.int32(flat, pair)]++;
      tokens.put(row, pair / k);
      pairs.put(row, pair);
      places.put(pair, row);
    }
  }

  /// The first sorted row of an expert.
  public int start(int expert) {
    return starts[expert];
  }
}
