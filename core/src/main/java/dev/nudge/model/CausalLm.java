package dev.nudge.model;

import dev.nudge.kernel.HeadLoss;
import dev.nudge.kernel.Kernels;
import dev.nudge.nn.Backend;
import dev.nudge.nn.DecoderLayer;
import dev.nudge.nn.Dropout;
import dev.nudge.nn.Embedding;
import dev.nudge.nn.KvCache;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Norm;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Pass;
import dev.nudge.nn.Residual;
import dev.nudge.nn.Rotary;
import dev.nudge.nn.Segments;
import dev.nudge.nn.Tape;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// A decoder that predicts the next token: embedding, layers, norm, head.
///
/// It never hears of adapters or weight formats: those are other [dev.nudge.nn.Linear]s in its
/// slots. All passes work on flat batches of whole sequences.
///
/// Threading: lanes run passes at the same time, each with its own workspace; slots and weights are
/// not changed meanwhile.
public final class CausalLm implements AutoCloseable {
  /// What a decoder is put together from.
  ///
  /// @param slots every linear layer of `layers`, in the checkpoint's order
  /// @param head the output head; a slot of its own
  /// @param owner closes the weights
  record Parts(
      Embedding embedding,
      List<DecoderLayer> layers,
      Norm norm,
      LinearSlot head,
      List<LinearSlot> slots,
      Rotary rotary,
      AutoCloseable owner) {}

  private static final String FORWARD = "forward";
  private static final String HEAD = "head";
  private static final String BACKWARD = "backward";

  private final ModelConfig config;
  private final Backend backend;
  private final Parts parts;

  CausalLm(ModelConfig config, Backend backend, Parts parts) {
    this.config = config;
    this.backend = backend;
    this.parts = parts;
  }

  public ModelConfig config() {
    return config;
  }

  public Backend backend() {
    return backend;
  }

  /// Every linear layer but the head.
  public List<LinearSlot> slots() {
    return parts.slots();
  }

  /// The output head.
  public LinearSlot head() {
    return parts.head();
  }

  /// Number of layers.
  public int layers() {
    return parts.layers().size();
  }

  /// Prepares for sequences of up to `positions` tokens; call it before passes run.
  public void reserve(int positions) {
    parts.rotary().reserve(positions);
  }

  /// Index of the lowest layer in which a slot has parameters; the number of layers where none has.
  public int lowestTrained() {
    int perLayer = parts.slots().size() / layers();
    for (int i = 0; i < parts.slots().size(); i++) {
      boolean[] found = new boolean[1];
      parts.slots().get(i).linear().parameters((Parameter p) -> found[0] = true);
      if (found[0]) {
        return i / perLayer;
      }
    }
    return layers();
  }

  /// Computes −Σ log-probability of a batch's targets and adds `weight` times its gradient to the
  /// parameters.
  ///
  /// @param weight usually 1/(trained tokens of the whole optimiser step)
  /// @return the sum, in nats, not weighted
  public double train(Batch b, double weight, Dropout dropout, Workspace ws) {
    ws.release(0);
    Tape tape = new Tape(ws);
    Pass p = pass(tape, Segments.of(b.lengths(), b.keys(), ws), dropout, ws);
    Tensor inner = inner(b.tokens(), ws);
    Residual.Gradient g =
        Residual.Gradient.take(b.tokens(), config.hiddenSize(), backend.compute(), ws);
    Residual r = forward(b.ids(), inner, p);
    ws.endStage(FORWARD);
    int mark = ws.mark();
    double loss = loss(r, b, weight, g, p);
    ws.release(mark);
    ws.endStage(HEAD);
    int lowest = lowestTrained();
    for (int i = layers() - 1; i >= lowest; i--) {
      parts.layers().get(i).backward(r, g, inner, i == lowest, p);
    }
    ws.endStage(BACKWARD);
    return loss;
  }

  /// Computes the log-probability of each target, and where wanted which token is the most
  /// probable.
  ///
  /// @param logprob one number for each of the batch's rows, written
  /// @param argmax likewise; may be null
  public void score(Batch b, double[] logprob, int @Nullable [] argmax, Workspace ws) {
    ws.release(0);
    Pass p = pass(null, Segments.of(b.lengths(), b.keys(), ws), Dropout.NONE, ws);
    Tensor inner = inner(b.tokens(), ws);
    Residual r = forward(b.ids(), inner, p);
    int m = b.rows().length;
    Residual picked = picked(r, b.rows(), p);
    parts.norm().forward(picked, p);
    Tensor lp = ws.take(Dtype.F64, m, 1);
    Tensor best = argmax == null ? null : ws.take(Dtype.I32, m, 1);
    HeadLoss.score(
        picked.normed(),
        parts.head().linear().weight(ws),
        ws.ints(b.targets()),
        lp,
        best,
        ws,
        backend.kernels());
    for (int i = 0; i < m && !ws.dry(); i++) {
      logprob[i] = lp.at(i);
      if (argmax != null && best != null) {
        argmax[i] = (int) best.at(i);
      }
    }
  }

  /// Feeds new tokens of several sequences and gives the logits after the last of each.
  ///
  /// @param ids new tokens of all sequences, one after the other
  /// @param lengths how many of them each sequence has; at least 1
  /// @param caches one a sequence; they grow by these tokens
  /// @return (sequences, vocabulary), accumulator type, valid until the workspace's next pass
  public Tensor next(int[] ids, int[] lengths, List<KvCache> caches, Workspace ws) {
    ws.release(0);
    Pass p = pass(null, Segments.continuing(lengths, caches, ws), Dropout.NONE, ws);
    Residual r = forward(ids, inner(ids.length, ws), p);
    int[] last = new int[lengths.length];
    for (int i = 0, end = 0; i < lengths.length; i++) {
      end += lengths[i];
      last[i] = end - 1;
      caches.get(i).advance(lengths[i]);
    }
    return logits(r, last, p);
  }

  /// Computes the logits of all tokens of whole sequences: for tests and small models.
  ///
  /// @return (tokens, vocabulary), accumulator type, valid until the workspace's next pass
  public Tensor logits(Batch b, Workspace ws) {
    ws.release(0);
    Pass p = pass(null, Segments.of(b.lengths(), b.keys(), ws), Dropout.NONE, ws);
    Residual r = forward(b.ids(), inner(b.tokens(), ws), p);
    int[] all = new int[b.tokens()];
    for (int i = 0; i < all.length; i++) {
      all[i] = i;
    }
    return logits(r, all, p);
  }

  /// Bytes that one lane's workspace needs for training on batches up to this size: the training
  /// pass itself, run dry.
  public long trainBytes(int tokens, int longest) {
    return trainParts(tokens, longest).peak();
  }

  /// What one lane's workspace holds at its fullest.
  ///
  /// @param saved kept from the forward pass for the backward pass
  /// @param head what the head needs on top
  /// @param backward what the layers' backward pass needs on top
  /// @param peak of the whole pass
  public record TrainParts(long saved, long head, long backward, long peak) {}

  /// The same in parts.
  public TrainParts trainParts(int tokens, int longest) {
    try (Workspace ws = Workspace.measuring()) {
      dry().train(Batch.largest(tokens, longest), 1, Dropout.of(1, 1), ws);
      long saved = part(ws, FORWARD).used();
      return new TrainParts(
          saved,
          part(ws, HEAD).peak() - saved,
          Math.max(0, part(ws, BACKWARD).peak() - saved),
          ws.peak());
    }
  }

  private static Workspace.Stage part(Workspace ws, String name) {
    return Objects.requireNonNull(ws.stages().get(name));
  }

  /// Bytes that a workspace needs for scoring batches up to this size.
  public long scoreBytes(int tokens, int longest) {
    return measured(
        ws -> dry().score(Batch.largest(tokens, longest), new double[tokens], new int[tokens], ws));
  }

  /// Bytes that a workspace needs for [#next] on up to `tokens` tokens of `sequences` sequences,
  /// each
  /// of up to `positions` positions.
  public long nextBytes(int tokens, int sequences, int positions) {
    int[] lengths = new int[sequences];
    Arrays.fill(lengths, 1);
    lengths[0] = Math.max(1, tokens - sequences + 1);
    List<KvCache> caches = new ArrayList<>();
    for (int length : lengths) {
      int past = Math.max(0, positions - length);
      caches.add(
          KvCache.dry(layers(), past + length, past, config.keyValueSize(), backend.compute()));
    }
    int[] ids = new int[Arrays.stream(lengths).sum()];
    return measured(ws -> dry().next(ids, lengths, caches, ws));
  }

  /// An empty cache for a sequence of up to `positions` tokens.
  public KvCache cache(int positions) {
    return KvCache.of(layers(), positions, config.keyValueSize(), backend.compute());
  }

  private interface Measured {
    void run(Workspace ws);
  }

  private static long measured(Measured pass) {
    try (Workspace ws = Workspace.measuring()) {
      pass.run(ws);
      return ws.peak();
    }
  }

  private CausalLm dry() {
    return new CausalLm(config, backend.withKernels(Kernels.dry()), parts);
  }

  private Pass pass(@Nullable Tape tape, Segments rows, Dropout dropout, Workspace ws) {
    return new Pass(tape, rows, ws, backend.kernels(), dropout);
  }

  private Tensor inner(int tokens, Workspace ws) {
    return ws.take(backend.compute(), tokens, parts.layers().getFirst().inner());
  }

  private Residual forward(int[] ids, Tensor inner, Pass p) {
    Workspace ws = p.ws();
    Tensor x = ws.take(backend.compute(), ids.length, config.hiddenSize());
    Residual r = new Residual(x, ws);
    parts.embedding().forward(ws.ints(ids), x, p);
    for (DecoderLayer layer : parts.layers()) {
      layer.forward(r, inner, p);
    }
    return r;
  }

  private Tensor logits(Residual r, int[] rows, Pass p) {
    Residual picked = picked(r, rows, p);
    parts.norm().forward(picked, p);
    Tensor logits =
        p.ws().take(backend.compute().accumulator(), rows.length, parts.head().linear().out());
    parts.head().linear().forward(picked.normed(), logits, p);
    return logits;
  }

  private double loss(Residual r, Batch b, double weight, Residual.Gradient g, Pass p) {
    Workspace ws = p.ws();
    int m = b.rows().length;
    Residual picked = picked(r, b.rows(), p);
    Norm.Saved saved = parts.norm().forward(picked, p);
    Residual.Gradient gm = Residual.Gradient.take(m, config.hiddenSize(), backend.compute(), ws);
    Tensor logprob = ws.take(Dtype.F64, m, 1);
    HeadLoss.train(
        picked.normed(),
        parts.head().linear().weight(ws),
        ws.ints(b.targets()),
        weight,
        logprob,
        gm.normed(),
        ws,
        backend.kernels());
    ws.zero(gm.sum());
    parts.norm().backward(saved, gm, p);
    ws.zero(g.sum());
    Runs.spread(gm.sum(), b.rows(), g.sum(), p);
    if (g.low() != g.sum()) {
      ws.zero(g.low());
      Runs.spread(gm.low(), b.rows(), g.low(), p);
    }
    double sum = 0;
    for (int i = 0; i < m && !ws.dry(); i++) {
      sum -= logprob.at(i);
    }
    return sum;
  }

  /// The stream of some rows only: nothing after the last layer needs the others.
  private static Residual picked(Residual r, int[] rows, Pass p) {
    Tensor x = p.ws().take(r.x().dtype(), rows.length, r.x().cols());
    Residual picked = new Residual(x, p.ws());
    Runs.pick(r.x(), rows, x, p);
    if (r.pending()) {
      Runs.pick(r.delta(), rows, picked.delta(), p);
      picked.added();
    }
    return picked;
  }

  @Override
  public void close() {
    parts.rotary().close();
    try {
      parts.owner().close();
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException("cannot close the weights", e);
    }
  }
}
