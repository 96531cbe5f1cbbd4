package dev.nudge.model;

import dev.nudge.nn.KvCache;
import dev.nudge.tensor.Tensor;
import java.util.List;

/// Pieces of the prompts of several sequences that go through one pass of [CausalLm#prefill].
///
/// @param ids tokens of all pieces, one after the other
/// @param lengths how many of them each sequence has; at least 1
/// @param caches one a sequence; they grow by these tokens
/// @param adapters the adapter of a bank that each sequence goes through; −1: none
/// @param ended sequences whose last token's logits are wanted
/// @param heard sequences for which the listener is told the logits behind each token, but behind a
///     last one that is among `ended`
/// @param silent of each of those how many of its first tokens it is not told of
/// @param listener is told in the order of the tokens
public record Prefill(
    int[] ids,
    int[] lengths,
    List<KvCache> caches,
    int[] adapters,
    int[] ended,
    int[] heard,
    int[] silent,
    Listener listener) {

  public Prefill {
    caches = List.copyOf(caches);
  }

  /// Pieces of which nothing but the logits after some of them is wanted.
  public static Prefill of(
      int[] ids, int[] lengths, List<KvCache> caches, int[] adapters, int[] ended) {
    return new Prefill(
        ids, lengths, caches, adapters, ended, new int[0], new int[0], (i, at, z, row) -> {});
  }

  /// Is told the logits behind a token of a prompt.
  public interface Listener {
    /// Takes a row of logits.
    ///
    /// @param sequence whose piece it is
    /// @param at place of the token in the piece
    /// @param logits (n, vocabulary), valid during the call
    void token(int sequence, int at, Tensor logits, int row);
  }
}
