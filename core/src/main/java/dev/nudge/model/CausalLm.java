package dev.nudge.model;

import dev.nudge.machine.Backend;
import dev.nudge.nn.DecoderLayer;
import dev.nudge.nn.Dropout;
import dev.nudge.nn.KvCache;
import dev.nudge.nn.KvPool;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Modules;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Pass;
import dev.nudge.nn.Recompute;
import dev.nudge.nn.Residual;
import dev.nudge.nn.Segments;
import dev.nudge.nn.Share;
import dev.nudge.nn.Tape;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Team;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// A decoder that predicts the next token: embedding, layers, norm, head.
///
/// It never hears of adapters or weight formats: those are other [dev.nudge.nn.Linear]s in its
/// slots. All passes work on flat batches of whole sequences.
///
/// Threading: lanes run passes at the same time, each with its own workspace; slots and weights are
/// not changed meanwhile.
public final class CausalLm implements AutoCloseable {
  private static final int HEARD = 8; // rows of logits of a prompt that are told at once

  /// Puts a model together.
  ///
  /// @param owner closes the weights with the model
  static CausalLm of(
      ModelConfig config, Backend backend, WeightSource weights, AutoCloseable owner) {
    return new CausalLm(config, backend, Built.of(config, backend, weights, owner));
  }

  /// The stages of a training pass in its workspace.
  static final String FORWARD = "forward";

  static final String HEAD = "head";
  static final String BACKWARD = "backward";

  private final ModelConfig config;
  private final Backend backend;
  private final Built parts;
  private final OutputHead output;
  private final PackedWeights packed;
  private List<Recompute> recompute;
  private @Nullable LayerPager pager;

  private CausalLm(ModelConfig config, Backend backend, Built parts) {
    this(
        config,
        backend,
        parts,
        new PackedWeights(backend, parts.head(), parts.modules().linears()));
  }

  private CausalLm(ModelConfig config, Backend backend, Built parts, PackedWeights packed) {
    this.config = config;
    this.backend = backend;
    this.parts = parts;
    this.output = new OutputHead(parts.norm(), parts.head(), config.logits(), backend);
    this.packed = packed;
    this.recompute = Collections.nCopies(parts.layers().size(), Recompute.NONE);
  }

  /// The shape, with the vocabulary as it is: an adapter may bring more tokens.
  public ModelConfig config() {
    int tokens = parts.embedding().table().rows();
    return tokens == config.vocabSize()
        ? config
        : config.withVocabulary(tokens, config.tieWordEmbeddings());
  }

  public Backend backend() {
    return backend;
  }

  /// Every linear layer but the head.
  public List<LinearSlot> slots() {
    return parts.modules().linears();
  }

  /// The places where adapters sit.
  public Modules modules() {
    return parts.modules();
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
    parts.ropes().reserve(positions);
  }

  /// Returns what each layer computes again in the backward pass; NONE unless [#recompute(List)]
  /// said otherwise.
  public List<Recompute> recompute() {
    return recompute;
  }

  /// Sets what each layer computes again; call it before passes run, and before they are measured.
  public void recompute(List<Recompute> levels) {
    if (levels.size() != layers()) {
      throw new IllegalArgumentException(levels.size() + " levels for " + layers() + " layers");
    }
    recompute = List.copyOf(levels);
  }

  /// Reads each layer's weights from their file just before they compute, and gives them back right
  /// after: for models that are larger than memory. Call it before passes run; no byte changes.
  ///
  /// @param cache bytes of them that may stay in the system's cache
  public void stream(long cache) {
    if (pager == null) {
      pager = new LayerPager(parts.mapped(), cache, LayerPager.SYSTEM);
    }
  }

  private void at(int layer, int direction) {
    if (pager != null) {
      pager.at(layer, direction);
    }
  }

  /// The parameters that train, in the order of the model; a tied head's weight comes once.
  public List<Parameter> parameters() {
    Set<Parameter> all = new LinkedHashSet<>();
    parts.embedding().parameters(all::add);
    parts.layers().forEach(layer -> layer.parameters(all::add));
    Parameter last = parts.norm().trained();
    if (last != null) {
      all.add(last);
    }
    parts.head().linear().parameters(all::add);
    return List.copyOf(all);
  }

  /// Index of the lowest layer with a backward pass: the lowest that has parameters, 0 where the
  /// embedding trains, the number of layers where nothing below the last norm does.
  public int lowestTrained() {
    int lowest = 0;
    boolean whole = parts.embedding().trains();
    while (!whole && lowest < layers() && !trains(lowest)) {
      lowest++;
    }
    return lowest;
  }

  private boolean trains(int layer) {
    boolean[] found = new boolean[1];
    parts.layers().get(layer).parameters((Parameter p) -> found[0] = true);
    return found[0];
  }

  /// Computes −Σ log-probability of a batch's targets, each times what it counts, and adds `weight`
  /// times its gradient to the parameters.
  ///
  /// @param weight usually 1/(trained tokens of the whole optimiser step)
  /// @return the sum, in nats, without `weight`
  public double train(Batch b, double weight, Dropout dropout, Workspace ws) {
    return train(b, null, weight, dropout, ws);
  }

  /// Does the same for a lane's own tokens of one sequence that all lanes work on; each lane calls
  /// it with its share.
  ///
  /// @param b the tokens of the lane's two pieces, one after the other
  /// @param share null where sequences are whole
  /// @return the sum over the lane's targets
  public double train(
      Batch b, @Nullable Share share, double weight, Dropout dropout, Workspace ws) {
    ws.reset();
    Segments rows =
        share == null
            ? Segments.of(b.lengths(), b.keys(), ws)
            : Segments.of(share, b.keys()[0], ws);
    Tape tape = new Tape(ws);
    Pass p = pass(tape, rows, dropout, ws);
    int lowest = lowestTrained();
    boolean whole = parts.embedding().trains();
    int width = config.hiddenSize();
    Dtype compute = backend.compute();
    Dtype acc = compute.accumulator();
    // what lies between the products of an MLP and the gradient of a normed stream never meet
    Tensor scratch =
        ws.take(compute, b.tokens(), Math.max(innerWidth(), width * acc.bytes() / compute.bytes()));
    Tensor inner = Tensor.of(scratch.data(), compute, b.tokens(), innerWidth());
    Tensor sum = ws.take(acc, b.tokens(), width);
    boolean spare = compute != acc || recompute.stream().anyMatch(level -> !level.keepsMiddle());
    Residual r = forward(b.ids(), inner, lowest, spare, p);
    ws.endStage(FORWARD);
    int mark = ws.mark();
    double loss = output.loss(r, b, weight, sum, p);
    ws.release(mark);
    ws.endStage(HEAD);
    Tensor low = compute == acc ? sum : r.spare();
    if (low != sum) {
      backend.kernels().elementwise().copy(sum, low);
    }
    Residual.Gradient g =
        new Residual.Gradient(sum, low, Tensor.of(scratch.data(), acc, b.tokens(), width));
    for (int i = layers() - 1; i >= lowest; i--) {
      at(i, -1);
      parts.layers().get(i).backward(r, g, inner, i == lowest && !whole, p);
    }
    if (whole) {
      parts.embedding().backward(ws.ints(b.ids()), sum, p);
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
    ws.reset();
    Pass p = pass(null, Segments.of(b.lengths(), b.keys(), ws), Dropout.NONE, ws);
    Residual r = forward(b.ids(), inner(b.tokens(), ws), layers(), false, p);
    output.score(r, b, logprob, argmax, p);
  }

  /// Starts a pass over new tokens of sequences, for which their caches have room then.
  private static Segments continuing(int[] lengths, List<KvCache> caches, Workspace ws) {
    for (int i = 0; i < lengths.length; i++) {
      caches.get(i).reserve(lengths[i]);
    }
    ws.reset();
    return Segments.continuing(lengths, caches, ws);
  }

  private Residual feed(int[] ids, List<KvCache> caches, Pass p) {
    Residual r = forward(ids, inner(ids.length, p.ws()), layers(), false, p);
    for (int i = 0; i < caches.size(); i++) {
      caches.get(i).advance(p.rows().length(i));
    }
    return r;
  }

  /// The last row of each of some sequences.
  private static int[] last(Segments rows, int[] of) {
    return Arrays.stream(of).map(i -> rows.start(i) + rows.length(i) - 1).toArray();
  }

  /// Feeds few new tokens of several sequences and gives the logits after each of them: the pass of
  /// decoding. A sequence's logits have the bits that they have alone, and the bits that they have
  /// where its tokens come one at a time.
  ///
  /// @param ids new tokens of all sequences, one after the other
  /// @param lengths how many of them each sequence has; at least 1
  /// @param caches one a sequence; they grow by these tokens
  /// @param adapters the adapter of a bank that each sequence goes through; −1: none
  /// @param team threads that share the work
  /// @return (tokens, vocabulary), accumulator type, valid until the workspace's next pass
  /// @throws dev.nudge.nn.KvPool.Exhausted where a pool lacks blocks for the new tokens; no cache
  ///     has grown then, and the call may come again
  public Tensor decode(
      int[] ids, int[] lengths, List<KvCache> caches, int[] adapters, Workspace ws, Team team) {
    Pass p = steady(continuing(lengths, caches, ws).through(adapters), ws, team);
    return output.logits(feed(ids, caches, p), all(ids.length), p);
  }

  /// Feeds pieces of the prompts of several sequences and gives the logits after some of them. A
  /// sequence's logits have the bits that they have alone, and the bits that they have where its
  /// prompt is fed in other pieces of whole blocks of keys.
  ///
  /// @param team threads that share the work
  /// @return (ended, vocabulary), accumulator type, valid until the workspace's next pass
  /// @throws dev.nudge.nn.KvPool.Exhausted as in [#decode]
  public Tensor prefill(Prefill f, Workspace ws, Team team) {
    Segments rows = continuing(f.lengths(), f.caches(), ws).through(f.adapters());
    Residual r = feed(f.ids(), f.caches(), steady(rows, ws, null));
    for (int h = 0; h < f.heard().length; h++) {
      tell(f, f.heard()[h], f.silent()[h], r, rows, ws, team);
    }
    int[] through = Arrays.stream(f.ended()).map(i -> f.adapters()[i]).toArray();
    Segments single = Segments.single(f.ended().length, ws).through(through);
    return output.logits(r, last(rows, f.ended()), steady(single, ws, team));
  }

  /// Tells a prefill's listener the logits behind the tokens of one sequence, some rows at a time.
  ///
  /// @param first token that it is told of
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
      Tensor logits = output.logits(r, some, steady(each, ws, team));
      for (int j = 0; j < n; j++) {
        f.listener().token(sequence, from + j, logits, j);
      }
      ws.release(mark);
    }
  }

  /// Computes the mean of the hidden states behind the last norm over the tokens of a text.
  ///
  /// @param adapter the adapter of a bank that it goes through; −1: none
  /// @return as many numbers as the model is wide
  public float[] embed(int[] ids, int adapter, Workspace ws) {
    ws.reset();
    Segments rows =
        Segments.of(new int[] {ids.length}, new long[1], ws).through(new int[] {adapter});
    Pass p = steady(rows, ws, null);
    Residual r = forward(ids, inner(ids.length, ws), layers(), false, p);
    parts.norm().forward(r, r.pending() ? r.x() : null, p);
    float[] mean = new float[config.hiddenSize()];
    for (int i = 0; i < mean.length && !ws.dry(); i++) {
      double sum = 0;
      for (int row = 0; row < ids.length; row++) {
        sum += r.branch().get(row, i);
      }
      mean[i] = (float) (sum / ids.length);
    }
    return mean;
  }

  /// Bytes that a workspace needs for [#embed] on up to `tokens` tokens.
  public long embedBytes(int tokens) {
    return dry().embed(tokens);
  }

  private static int[] all(int rows) {
    int[] all = new int[rows];
    Arrays.setAll(all, i -> i);
    return all;
  }

  /// Computes the logits of all tokens of whole sequences: for tests and small models.
  ///
  /// @return (tokens, vocabulary), accumulator type, valid until the workspace's next pass
  public Tensor logits(Batch b, Workspace ws) {
    ws.reset();
    Pass p = pass(null, Segments.of(b.lengths(), b.keys(), ws), Dropout.NONE, ws);
    Residual r = forward(b.ids(), inner(b.tokens(), ws), layers(), false, p);
    return output.logits(r, all(b.tokens()), p);
  }

  /// Bytes that one lane's workspace needs to train on batches up to a size: the training pass
  /// itself, run dry.
  public long trainBytes(int tokens, int longest) {
    return trainParts(tokens, longest).peak();
  }

  /// The bytes that one lane's workspace holds at its fullest.
  ///
  /// @param saved kept from the forward pass for the backward pass
  /// @param head what the head needs on top
  /// @param backward what the layers' backward pass needs on top
  /// @param peak of the whole pass
  /// @param offloaded to the lane's file, beside the workspace
  public record TrainParts(long saved, long head, long backward, long peak, long offloaded) {
    /// Returns what a lane needs that meets either of two passes: the fuller one, and the larger
    /// file.
    public TrainParts or(TrainParts other) {
      TrainParts fuller = other.peak > peak ? other : this;
      return new TrainParts(
          fuller.saved,
          fuller.head,
          fuller.backward,
          fuller.peak,
          Math.max(offloaded, other.offloaded));
    }
  }

  /// Bytes that one lane's workspace needs to train on batches up to a size, in parts.
  public TrainParts trainParts(int tokens, int longest) {
    return dry().train(tokens, longest);
  }

  /// Floating-point operations of the products of a training pass, a multiply-add as 2.
  ///
  /// @param layers of all layers, forward and backward and what they compute again
  /// @param head of the output head
  public record TrainWork(double layers, double head) {}

  /// Counts the products of a training pass: the pass itself, run dry.
  ///
  /// @param lengths tokens of each sequence
  /// @param labelled rows of all sequences together
  public TrainWork work(int[] lengths, int labelled) {
    return dry().work(lengths, labelled);
  }

  /// The bytes that lanes need to train on one sequence together.
  ///
  /// @param lane what each lane's workspace holds
  /// @param shared bytes of the memory that all lanes see
  public record SplitParts(TrainParts lane, long shared) {}

  /// Returns what `lanes` lanes need for sequences of up to `tokens` tokens that are cut over them:
  /// the training pass itself, run dry, for a lane that has the most of everything.
  public SplitParts splitParts(int tokens, int lanes) {
    return dry().split(tokens, lanes);
  }

  /// Bytes that a workspace needs for scoring batches up to this size.
  public long scoreBytes(int tokens, int longest) {
    return dry().score(tokens, longest);
  }

  /// Bytes that a workspace needs for [#prefill] on up to `tokens` tokens of `sequences` sequences,
  /// each of up to `positions` positions in blocks of `blockSize`.
  public long prefillBytes(int tokens, int sequences, int positions, int blockSize) {
    return dry().prefill(tokens, sequences, positions, blockSize);
  }

  /// Bytes that a workspace needs for [#decode] on up to `tokens` tokens of `sequences` sequences.
  public long decodeBytes(int tokens, int sequences) {
    return dry().decode(tokens, sequences);
  }

  /// A pool for caches of many sequences.
  ///
  /// @param blockSize positions of a block
  public KvPool pool(int blocks, int blockSize) {
    return KvPool.open(layers(), blocks, blockSize, keyWidth(), backend.compute());
  }

  /// A pool that takes memory as sequences grow.
  ///
  /// @param most blocks that it may have
  public KvPool growingPool(int most, int blockSize) {
    return KvPool.growing(layers(), most, blockSize, keyWidth(), backend.compute());
  }

  int keyWidth() {
    return config.layers().getFirst().attention().keyWidth();
  }

  /// Bytes of the keys and values of a sequence of up to `positions` tokens.
  public long keyValueBytes(int positions) {
    return 2L * layers() * positions * keyWidth() * backend.compute().bytes();
  }

  private DryPasses dry() {
    CausalLm dry = new CausalLm(config, backend.dry(), parts, packed);
    dry.recompute(recompute);
    return new DryPasses(dry);
  }

  private Pass pass(@Nullable Tape tape, Segments rows, Dropout dropout, Workspace ws) {
    return new Pass(tape, rows, ws, backend.kernels(), dropout);
  }

  /// A pass of generation.
  ///
  /// @param team null where it does not decode
  private Pass steady(Segments rows, Workspace ws, @Nullable Team team) {
    return new Pass(null, rows, ws, backend.kernels(), Dropout.NONE, true, team);
  }

  private Tensor inner(int tokens, Workspace ws) {
    return ws.take(backend.compute(), tokens, innerWidth());
  }

  private int innerWidth() {
    return parts.layers().stream().mapToInt(DecoderLayer::inner).max().orElseThrow();
  }

  /// @param lowest the first layer with a backward pass; those below keep nothing
  /// @param spare whether the stream needs its spare buffer
  private Residual forward(int[] ids, Tensor inner, int lowest, boolean spare, Pass p) {
    Workspace ws = p.ws();
    Dtype compute = backend.compute();
    boolean offloaded = lowest == 0 && recompute.getFirst() == Recompute.OFFLOADED;
    Tensor x =
        offloaded
            ? ws.offload(compute, ids.length, config.hiddenSize())
            : ws.take(compute, ids.length, config.hiddenSize());
    Residual r = new Residual(x, spare, ws);
    parts.embedding().forward(ws.ints(ids), x, p);
    Layers.Flow flow = new Layers.Flow(r, inner, p);
    Layers.forward(new Layers.Held(parts.layers(), this::at), List.of(flow), recompute, lowest);
    return r;
  }

  /// Says which weights are kept a second time, as [#cache] was told.
  public Caches caches() {
    return packed.kept();
  }

  /// Bytes that the weights kept by [#cache] take.
  public long cacheBytes(Caches caches) {
    return packed.bytes(caches);
  }

  /// Keeps frozen weights a second time in the layout of their products, once for each direction,
  /// until this model is closed. Call it before adapters are attached; nothing happens where
  /// products have no such layout. A cached layer computes the same bits as one of many rows that
  /// is not.
  public void cache(Caches caches) {
    cache(caches, Set.of());
  }

  /// Does so for all but some layers.
  ///
  /// @param without paths of layers whose weights will train
  public void cache(Caches caches, Set<String> without) {
    packed.keep(caches, without);
  }

  /// Measures for a plan as if weights were cached: with a packed head passes take larger chunks.
  public <T> T assuming(Caches caches, Supplier<T> measured) {
    return packed.assuming(caches, measured);
  }

  @Override
  public void close() {
    if (pager != null) {
      pager.close();
    }
    packed.close();
    parts.ropes().close();
    try {
      parts.owner().close();
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException("cannot close the weights", e);
    }
  }
}
