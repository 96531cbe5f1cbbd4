package dev.nudge.model;

import dev.nudge.nn.Dropout;
import dev.nudge.nn.KeptFactors;
import dev.nudge.nn.KvCache;
import dev.nudge.nn.Pass;
import dev.nudge.nn.Residual;
import dev.nudge.nn.Segments;
import dev.nudge.tensor.Team;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The passes of a model that generates or embeds text: new tokens of sequences with KV caches, and
/// embeddings. No pass has a gradient; rows are bit-identical in any batch.
public record InferencePasses(CausalLm model) {
  private static final int HEARD = 8; // prompt rows whose logits are reported at once

  /// Runs a decode step: feeds a few new tokens of several sequences and returns the logits after
  /// each token. The logits are bit-identical to those of the sequence alone, fed token by token.
  ///
  /// @param ids new tokens of all sequences, concatenated
  /// @param lengths number of new tokens of each sequence; at least 1
  /// @param caches KV cache of each sequence; each grows by the new tokens
  /// @param adapters number of each sequence's adapter in the adapter bank; −1: none
  /// @param team threads that share the work
  /// @return (tokens, vocabulary), accumulator type, valid until the workspace's next pass
  /// @throws dev.nudge.nn.KvPool.Exhausted if a pool lacks KV blocks for the new tokens; no KV
  ///     cache has grown then, and the call may be repeated
  public Tensor decode(
      int[] ids, int[] lengths, List<KvCache> caches, int[] adapters, Workspace ws, Team team) {
    Pass p = inference(continuing(lengths, caches, ws).through(adapters), ws, team);
    return model.output().logits(feed(ids, caches, p), CausalLm.all(ids.length), p);
  }

  /// Runs a prefill step: feeds chunks of the prompts of several sequences and returns logits after
  /// some of them. The logits are bit-identical to those of the sequence alone, and to those of
  /// other chunks of whole KV blocks.
  ///
  /// @param team threads that share the work
  /// @return (ended, vocabulary), accumulator type, valid until the workspace's next pass
  /// @throws dev.nudge.nn.KvPool.Exhausted as in [#decode]
  public Tensor prefill(Prefill f, Workspace ws, Team team) {
    Segments rows = continuing(f.lengths(), f.caches(), ws).through(f.adapters());
    KeptFactors kept = model.packed().prompts();
    if (kept != null && !ws.dry()) {
      kept.begin();
    }
    Pass p =
        new Pass(null, rows, ws, model.backend().kernels(), Dropout.NONE, true, null, kept, null);
    Residual r = feed(f.ids(), f.caches(), p);
    for (int h = 0; h < f.heard().length; h++) {
      tell(f, f.heard()[h], f.silent()[h], r, rows, ws, team);
    }
    int[] through = Arrays.stream(f.ended()).map(i -> f.adapters()[i]).toArray();
    Segments single = Segments.single(f.ended().length, ws).through(through);
    return model.output().logits(r, last(rows, f.ended()), inference(single, ws, team));
  }

  /// Passes the logits after the tokens of one sequence to a prefill's listener, in pieces.
  ///
  /// @param first token of the chunk whose logits the listener gets first
  private void tell(
      Prefill f, int sequence, int first, Residual r, Segments rows, Workspace ws, Team team) {
    boolean ends = Arrays.stream(f.ended()).anyMatch(end -> end == sequence);
    int to = f.lengths()[sequence] - (ends ? 1 : 0);
    for (int from = first, n; from < to; from += n) {
      n = Math.min(HEARD, to - from);
      int mark = ws.mark();
      int[] some = new int[n];
      int[] through = new int[n];
      Arrays.fill(through, f.adapters()[sequence]);
      for (int j = 0; j < n; j++) {
        some[j] = rows.start(sequence) + from + j;
      }
      Segments each = Segments.single(n, ws).through(through);
      Tensor logits = model.output().logits(r, some, inference(each, ws, team));
      for (int j = 0; j < n; j++) {
        f.listener().token(sequence, from + j, logits, j);
      }
      ws.release(mark);
    }
  }

  /// Computes a text embedding: the mean of the hidden states after the final norm over all tokens.
  ///
  /// @param adapter number of the adapter in the adapter bank; −1: none
  /// @return (width) numbers
  public float[] embed(int[] ids, int adapter, Workspace ws) {
    ws.reset();
    Segments rows =
        Segments.of(new int[] {ids.length}, new long[1], ws).through(new int[] {adapter});
    Pass p = inference(rows, ws, null);
    Residual r = model.forward(ids, p);
    model.norm().forward(r, r.pending() ? r.x() : null, p);
    float[] mean = new float[model.config().hiddenSize()];
    for (int i = 0; i < mean.length && !ws.dry(); i++) {
      double sum = 0;
      for (int row = 0; row < ids.length; row++) {
        sum += r.branch().get(row, i);
      }
      mean[i] = (float) (sum / ids.length);
    }
    return mean;
  }

  /// Makes the rows of a pass over new tokens and reserves space for them in the KV caches.
  private static Segments continuing(int[] lengths, List<KvCache> caches, Workspace ws) {
    for (int i = 0; i < lengths.length; i++) {
      caches.get(i).reserve(lengths[i]);
    }
    ws.reset();
    return Segments.continuing(lengths, caches, ws);
  }

  private Residual feed(int[] ids, List<KvCache> caches, Pass p) {
    Residual r = model.forward(ids, p);
    for (int i = 0; i < caches.size(); i++) {
      caches.get(i).advance(p.rows().length(i));
    }
    return r;
  }

  /// The last rows of the sequences `of`.
  private static int[] last(Segments rows, int[] of) {
    return Arrays.stream(of).map(i -> rows.start(i) + rows.length(i) - 1).toArray();
  }

  /// A pass of inference.
  ///
  /// @param team null in prefill
  private Pass inference(Segments rows, Workspace ws, @Nullable Team team) {
    return new Pass(
        null, rows, ws, model.backend().kernels(), Dropout.NONE, true, team, null, null);
  }
}
