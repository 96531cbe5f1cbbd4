package dev.nudge.model;

import dev.nudge.nn.KvCache;
import dev.nudge.tensor.Tensor;
import java.util.List;

/// Chunks of the prompts of several sequences that go through one pass of
/// [InferencePasses#prefill].
///
/// @param ids token ids of all chunks, concatenated
/// @param lengths tokens of each chunk; at least 1
/// @param caches KV cache of each sequence; each grows by its chunk
/// @param adapters number of each sequence's adapter in the adapter bank; −1: none
/// @param ended sequences whose logits after the last token are returned
/// @param heard sequences whose logits go to the listener, token by token; without the last token
///     if the sequence is in `ended`
/// @param silent for each of `heard`, the number of first tokens whose logits are not reported
/// @param listener callback, called in the order of the tokens
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

  /// Chunks without a listener: only the logits of `ended` are computed.
  public static Prefill of(
      int[] ids, int[] lengths, List<KvCache> caches, int[] adapters, int[] ended) {
    return new Prefill(
        ids, lengths, caches, adapters, ended, new int[0], new int[0], (i, at, z, row) -> {});
  }

  /// Receives the logits after each token of a prompt.
  public interface Listener {
    /// Receives a row of logits.
    ///
    /// @param sequence whose chunk it is
    /// @param at index of the token in the chunk
    /// @param logits (n, vocabulary), valid only during the call
    void token(int sequence, int at, Tensor logits, int row);
  }
}
