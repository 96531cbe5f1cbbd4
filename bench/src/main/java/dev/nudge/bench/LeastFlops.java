package dev.nudge.bench;

import dev.nudge.model.family.ModelConfig;
import java.util.Map;
import java.util.Objects;

/// Counts the least floating-point operations that a step needs, a multiply-add as 2.
///
///     4·P·N + 4·V·d·n + 7·L·Σ T²·q + 6·r·Σ(in + out)·N      LoRA
///     6·P·N + 6·V·d·n + 7·L·Σ T²·q                          all weights
///
/// N tokens of which n are labelled, in sequences of T tokens each; P weights of the linear layers
/// without the head, V vocabulary, d width, L layers, q = heads · headDim. A weight costs 2
/// forward, 2 for the gradient of the input, and 2 for its own gradient if it trains. Attention is
/// 2 products forward and 5 backward (the scores are too large to keep, so are recomputed), 2·T²·q
/// each, half of it masked. LoRA: 2 products forward, 4 backward, 2·r·(in or out) each. Other
/// recomputation and masked scores do not count, nor do norms, softmax and the like.
///
/// @param linear P
/// @param head V·d
/// @param attention L·q
/// @param adapted Σ(in + out) over the adapted layers
/// @param rank r; 0: no adapter
/// @param each operations of a weight and a token: 4 if frozen, 6 if trained
public record LeastFlops(
    long linear, long head, long attention, long adapted, int rank, double each) {
  /// Counts full fine-tuning.
  public static LeastFlops full(ModelConfig c) {
    LeastFlops frozen = of(c, 0);
    return new LeastFlops(frozen.linear, frozen.head, frozen.attention, 0, 0, 6);
  }

  /// Counts LoRA on every linear layer but the head.
  public static LeastFlops of(ModelConfig c, int rank) {
    Map<String, long[]> tensors = c.tensors();
    long weights = 0;
    long sides = 0;
    for (String path : c.projections()) {
      long[] shape = Objects.requireNonNull(tensors.get(path + ".weight"));
      weights += shape[0] * shape[1];
      sides += shape[0] + shape[1];
    }
    long attention = c.layers().stream().mapToLong(l -> l.attention().queryWidth()).sum();
    long head = (long) c.vocabSize() * c.hiddenSize();
    return new LeastFlops(weights, head, attention, sides, rank, 4);
  }

  /// Operations of one step.
  ///
  /// @param lengths tokens of each sequence
  /// @param labelled predicted tokens of all sequences
  public double flops(int[] lengths, long labelled) {
    double tokens = 0;
    double squares = 0;
    for (int t : lengths) {
      tokens += t;
      squares += (double) t * t;
    }
    return each * linear * tokens
        + each * head * labelled
        + 7.0 * attention * squares
        + 6.0 * rank * adapted * tokens;
  }
}
