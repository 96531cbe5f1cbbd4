package dev.nudge.model;

import dev.nudge.kernel.Attend;
import dev.nudge.kernel.HeadDivergence;
import dev.nudge.machine.Backend;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.model.family.WeightSource;
import dev.nudge.nn.Dropout;
import dev.nudge.nn.ExpertLoad;
import dev.nudge.nn.KeptFactors;
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
import dev.nudge.nn.layer.DecoderLayer;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Team;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// A causal language model: embedding, decoder layers, final norm and output head.
///
/// It knows nothing about adapters or weight formats: both are [dev.nudge.nn.Linear]s in its slots.
/// All passes take batches of concatenated sequences, without padding.
///
/// Threading: lanes run passes concurrently, each with its own workspace. Slots and weights must
/// not change while a pass runs.
public final class CausalLm implements AutoCloseable {
  private static final int HEARD = 8; // rows of logits of a prompt that are told at once

  /// Builds a model.
  ///
  /// @param owner closes the weights when the model is closed
  public static CausalLm of(
      ModelConfig config, Backend backend, WeightSource weights, AutoCloseable owner) {
    return new CausalLm(config, backend, DecoderParts.of(config, backend, weights, owner));
  }

  /// The stages of a training pass in its workspace.
  static final String FORWARD = "forward";

  static final String HEAD = "head";
  static final String BACKWARD = "backward";

  private final ModelConfig config;
  private final Backend backend;
  private final DecoderParts parts;
  private final OutputHead output;
  private OutputHead tempered; // of training and scoring
  private final SequenceOutput sequences;
  private final PackedWeights packed;
  private List<Recompute> recompute;
  private @Nullable LayerPager pager;
  private double balance;

  private CausalLm(ModelConfig config, Backend backend, DecoderParts parts) {
    this(
        config,
        backend,
        parts,
        new PackedWeights(backend, parts.head(), parts.modules().linears()));
  }

  private CausalLm(ModelConfig config, Backend backend, DecoderParts parts, PackedWeights packed) {
    this.config = config;
    this.backend = backend;
    this.parts = parts;
    this.output = new OutputHead(parts.norm(), parts.head(), config.logits(), backend);
    this.tempered = output;
    this.sequences = new SequenceOutput(parts.norm(), parts.score());
    this.packed = packed;
    this.recompute = Collections.nCopies(parts.layers().size(), Recompute.NONE);
  }

  /// The shape of the model; its vocabulary includes the tokens that an adapter added.
  public ModelConfig config() {
    int tokens = parts.embedding().table().out();
    return tokens == config.vocabSize()
        ? config
        : config.withVocabulary(tokens, config.tieWordEmbeddings());
  }

  public Backend backend() {
    return backend;
  }

  /// The linear layers of all decoder layers, without the output head.
  public List<LinearSlot> slots() {
    return parts.modules().linears();
  }

  /// The modules on which adapters can sit.
  public Modules modules() {
    return parts.modules();
  }

  /// The output head.
  public LinearSlot head() {
    return parts.head();
  }

  /// Whether an adapter has put a score head on the model. Then it gives a sequence one number, its
  /// reward: training and scoring take batches whose labelled rows are the last of each sequence,
  /// and a target's log-probability is replaced by that number.
  public boolean givesRewards() {
    return parts.score().there();
  }

  /// Sets what divides the logits in [#train] and [#score]; 1 at first. Decoding has the logits.
  public void temperature(double temperature) {
    tempered = new OutputHead(parts.norm(), parts.head(), config.logits().at(temperature), backend);
  }

  /// Number of layers.
  public int layers() {
    return parts.layers().size();
  }

  /// Extends the rotary tables to sequences of `positions` tokens; call it before passes run.
  public void reserve(int positions) {
    parts.ropes().reserve(positions);
  }

  /// Returns each layer's gradient checkpointing: what its backward pass recomputes. The default is
  /// NONE.
  public List<Recompute> recompute() {
    return recompute;
  }

  /// Sets each layer's gradient checkpointing; call it before passes run or are measured.
  public void recompute(List<Recompute> levels) {
    if (levels.size() != layers()) {
      throw new IllegalArgumentException(levels.size() + " levels for " + layers() + " layers");
    }
    recompute = List.copyOf(levels);
  }

  /// The weight of the routers' load-balancing loss in training; 0: none.
  public double balance() {
    return balance;
  }

  /// Sets the weight of the routers' load-balancing loss; call it before passes are measured.
  ///
  /// @throws dev.nudge.settings.InputException if the model has no experts
  public void balance(double weight) {
    if (weight > 0 && !config.hasExperts()) {
      throw new InputException(
          "--router-aux-loss-coef is given, and the model has no experts; leave it out");
    }
    balance = weight;
  }

  /// Streams each layer's weights from their file just before the layer computes: for models larger
  /// than memory. Call it before passes run; results do not change.
  ///
  /// @param cache bytes of weights that may stay in the operating system's page cache
  public void stream(long cache) {
    if (pager == null) {
      pager = new LayerPager(parts.mapped(), cache, LayerPager.SYSTEM);
    }
  }

  /// Has experts ask for their weights as soon as they are chosen, if the layers' mapped weights
  /// are more than the free memory. Call it before passes run; results do not change.
  ///
  /// @param free bytes
  void askAhead(long free) {
    long mapped =
        parts.mapped().stream().flatMap(List::stream).mapToLong(MemorySegment::byteSize).sum();
    if (mapped > free) {
      parts.layers().forEach(DecoderLayer::askAhead);
    }
  }

  private void at(int layer, int direction) {
    if (pager != null) {
      pager.at(layer, direction);
    }
  }

  /// The trainable parameters, in the order of the model; a tied head's weight is listed once.
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

  /// Index of the lowest layer with a backward pass: the lowest with parameters, 0 if the embedding
  /// trains, the number of layers if no layer has parameters.
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

  /// Runs forward and backward: returns the summed cross-entropy of the targets, each times its
  /// loss weight, and adds `weight` times its gradient to the parameters.
  ///
  /// @param weight usually 1/(labelled tokens of the whole optimiser step)
  /// @return the sum, in nats, not multiplied by `weight`
  public double train(Batch b, double weight, Dropout dropout, Workspace ws) {
    return train(b, null, weight, dropout, null, ws);
  }

  /// Runs forward and backward on a lane's part of one sequence that is cut over all lanes (context
  /// parallelism); each lane calls this method with its share.
  ///
  /// @param b the tokens of the lane's two pieces, concatenated
  /// @param share the lane's part of the sequence; null: the batch holds whole sequences
  /// @param load of the experts, counted; a loss on it is of whole sequences only. null: none
  /// @return the sum over the lane's targets, without the loss of the load
  public double train(
      Batch b,
      @Nullable Share share,
      double weight,
      Dropout dropout,
      @Nullable ExpertLoad load,
      Workspace ws) {
    ws.reset();
    Segments rows = segments(b, share, ws);
    return train(
        b,
        rows,
        dropout,
        load,
        ws,
        (r, sum, p) ->
            givesRewards()
                ? sequences.loss(r, b, weight, sum, p)
                : tempered.loss(r, b, weight, sum, p));
  }

  private static Segments segments(Batch b, @Nullable Share share, Workspace ws) {
    return share == null
        ? Segments.of(b.lengths(), b.shares(), b.keys(), ws)
        : Segments.of(share, b.keys()[0], ws);
  }

  /// Runs forward and backward on sequences of several adapters of a bank, which is in the slots.
  ///
  /// @param b its weights are those of the gradient, each adapter's by its own step
  /// @param owners the adapters, in the order of their sequences
  /// @param share as in [#train]; then there is one owner
  /// @return the log-probability of each target
  public double[] trainOwned(
      Batch b, List<Segments.Owner> owners, @Nullable Share share, Workspace ws) {
    ws.reset();
    Segments rows = segments(b, share, ws).owned(owners);
    double[] logprobs = new double[b.rows().length];
    train(
        b,
        rows,
        Dropout.NONE,
        null,
        ws,
        (r, sum, p) -> {
          output.loss(r, b, 1, sum, logprobs, p);
          return 0;
        });
    return logprobs;
  }

  /// Runs a forward pass and keeps the normalised hidden states of the labelled rows at the start
  /// of the workspace, for [#trainTowards], which must be the workspace's next pass: with the
  /// adapter off, those of the base.
  public HeadDivergence.Base remember(Batch b, Workspace ws) {
    ws.reset();
    Tensor kept = ws.take(backend.compute(), b.rows().length, config.hiddenSize());
    int mark = ws.mark();
    Pass p = pass(null, Segments.of(b.lengths(), b.keys(), ws), Dropout.NONE, ws);
    Residual r = forward(b.ids(), inner(b.tokens(), ws), layers(), false, p);
    HeadDivergence.Base base = output.remember(r, b, kept, p);
    ws.release(mark);
    return base;
  }

  /// Runs forward and backward on a batch: returns the summed divergence of the next-token
  /// distributions of the labelled rows from those of the base, and adds `weight` times its
  /// gradient to the parameters.
  public double trainTowards(HeadDivergence.Base base, Batch b, double weight, Workspace ws) {
    return train(
        b,
        segments(b, null, ws),
        Dropout.NONE,
        null,
        ws,
        (r, sum, p) -> output.divergence(base, r, b, weight, sum, p));
  }

  /// The loss at the end of a forward pass.
  private interface Head {
    /// @param sum receives the gradient of the residual stream, accumulator type
    double loss(Residual r, Tensor sum, Pass p);
  }

  private double train(
      Batch b, Segments rows, Dropout dropout, @Nullable ExpertLoad load, Workspace ws, Head head) {
    Tape tape = new Tape(ws);
    Pass p = new Pass(tape, rows, ws, backend.kernels(), dropout, false, null, null, load);
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
    double loss = head.loss(r, sum, p);
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

  /// Computes the log-probability of each target and, if wanted, the most probable token; with a
  /// score head the reward of each labelled row instead ([#givesRewards]).
  ///
  /// @param logprob receives one number for each labelled row
  /// @param argmax receives the most probable token of each labelled row; may be null
  public void score(Batch b, double[] logprob, int @Nullable [] argmax, Workspace ws) {
    ws.reset();
    Pass p = pass(null, segments(b, null, ws), Dropout.NONE, ws);
    Residual r = forward(b.ids(), inner(b.tokens(), ws), layers(), false, p);
    if (givesRewards()) {
      sequences.score(r, b, logprob, p);
    } else {
      tempered.score(r, b, logprob, argmax, p);
    }
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
    Residual r = forward(ids, inner(ids.length, p.ws()), layers(), false, p);
    for (int i = 0; i < caches.size(); i++) {
      caches.get(i).advance(p.rows().length(i));
    }
    return r;
  }

  /// The last rows of the sequences `of`.
  private static int[] last(Segments rows, int[] of) {
    return Arrays.stream(of).map(i -> rows.start(i) + rows.length(i) - 1).toArray();
  }

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
    return output.logits(feed(ids, caches, p), all(ids.length), p);
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
    KeptFactors kept = packed.prompts();
    if (kept != null && !ws.dry()) {
      kept.begin();
    }
    Pass p = new Pass(null, rows, ws, backend.kernels(), Dropout.NONE, true, null, kept, null);
    Residual r = feed(f.ids(), f.caches(), p);
    for (int h = 0; h < f.heard().length; h++) {
      tell(f, f.heard()[h], f.silent()[h], r, rows, ws, team);
    }
    int[] through = Arrays.stream(f.ended()).map(i -> f.adapters()[i]).toArray();
    Segments single = Segments.single(f.ended().length, ws).through(through);
    return output.logits(r, last(rows, f.ended()), inference(single, ws, team));
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
      Tensor logits = output.logits(r, some, inference(each, ws, team));
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

  /// Computes the logits of all tokens of whole sequences; for tests and small models.
  ///
  /// @return (tokens, vocabulary), accumulator type, valid until the workspace's next pass
  public Tensor logits(Batch b, Workspace ws) {
    ws.reset();
    Pass p = pass(null, Segments.of(b.lengths(), b.keys(), ws), Dropout.NONE, ws);
    Residual r = forward(b.ids(), inner(b.tokens(), ws), layers(), false, p);
    return output.logits(r, all(b.tokens()), p);
  }

  /// Bytes of one lane's workspace for training on batches up to this size, measured by a dry run
  /// of the training pass.
  public long trainBytes(int tokens, int longest) {
    return trainParts(tokens, longest).peak();
  }

  /// Peak bytes of one lane's workspace in a training pass, in parts.
  ///
  /// @param saved activations that the forward pass keeps for the backward pass
  /// @param head additional bytes of the output head
  /// @param backward additional bytes of the layers' backward pass
  /// @param peak of the whole pass
  /// @param offloaded bytes of layer inputs in the lane's file, not in the workspace
  public record TrainParts(long saved, long head, long backward, long peak, long offloaded) {
    /// Returns the maximum of two passes, for a lane that may run either: the one with the higher
    /// peak, and the larger file.
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

  /// Bytes of one lane's workspace for training on batches up to this size, in parts.
  public TrainParts trainParts(int tokens, int longest) {
    return dry().train(tokens, longest);
  }

  /// The same, where sequences branch off others.
  public TrainParts branchedParts(int tokens, int longest) {
    return dry().branched(tokens, longest);
  }

  /// FLOPs of the matrix products of a training pass; a multiply-add counts 2.
  ///
  /// @param layers of all layers: forward, backward and recomputation
  /// @param head of the output head
  public record TrainWork(double layers, double head) {}

  /// Counts the FLOPs of a training pass by a dry run of the pass.
  ///
  /// @param lengths tokens of each sequence
  /// @param labelled labelled rows of all sequences together
  public TrainWork work(int[] lengths, int labelled) {
    return dry().work(lengths, labelled);
  }

  /// Bytes of training on one sequence that is cut over all lanes (context parallelism).
  ///
  /// @param lane bytes of each lane's workspace
  /// @param shared bytes of the memory that all lanes share
  public record SplitParts(TrainParts lane, long shared) {}

  /// Bytes of training on sequences of up to `tokens` tokens that are cut over `lanes` lanes, by a
  /// dry run of the training pass for the most expensive lane.
  public SplitParts splitParts(int tokens, int lanes) {
    return dry().split(tokens, lanes);
  }

  /// Bytes of a workspace for [#score] on batches up to this size.
  public long scoreBytes(int tokens, int longest) {
    return dry().score(tokens, longest);
  }

  /// The same, where sequences branch off others.
  public long scoreBranchedBytes(int tokens, int longest) {
    return dry().scoreBranched(tokens, longest);
  }

  /// Bytes of a workspace for [#remember] and [#trainTowards] on batches up to this size.
  public long towardsBytes(int tokens, int longest) {
    return dry().towards(tokens, longest);
  }

  /// Bytes of a workspace for [#prefill] on up to `tokens` tokens of `sequences` sequences, each of
  /// up to `positions` positions in KV blocks of `blockSize`.
  public long prefillBytes(int tokens, int sequences, int positions, int blockSize) {
    return dry().prefill(tokens, sequences, positions, blockSize);
  }

  /// Bytes that each further thread of a team takes for attention in [#prefill] on sequences of up
  /// to `positions` positions.
  public long attendBytes(int positions) {
    Attend attend = backend.kernels().attend();
    return config.layers().stream()
        .mapToLong(layer -> attend.bytes(layer.attention(), backend.compute(), 0, positions))
        .max()
        .orElse(0);
  }

  /// Bytes of a workspace for [#decode] on up to `tokens` tokens of `sequences` sequences.
  public long decodeBytes(int tokens, int sequences) {
    return dry().decode(tokens, sequences);
  }

  /// Allocates a pool of KV blocks for many sequences.
  ///
  /// @param blockSize positions of a block
  public KvPool pool(int blocks, int blockSize) {
    return KvPool.open(
        config.attentionLayers(), blocks, blockSize, keyWidth(), backend.compute(), states());
  }

  /// Makes a pool of KV blocks that allocates memory as sequences grow.
  ///
  /// @param most maximum number of blocks
  public KvPool growingPool(int most, int blockSize) {
    return KvPool.growing(
        config.attentionLayers(), most, blockSize, keyWidth(), backend.compute(), states());
  }

  List<KvPool.StateShape> states() {
    return config.states(backend.compute());
  }

  /// Bytes of the states of a sequence in all recurrent layers: its own and a snapshot.
  public long sequenceStateBytes() {
    return 2 * states().stream().mapToLong(KvPool.StateShape::bytes).sum();
  }

  int keyWidth() {
    return config.layers().getFirst().attention().keyWidth();
  }

  /// Bytes of the KV cache of a sequence of up to `positions` tokens.
  public long keyValueBytes(int positions) {
    return 2L * config.attentionLayers() * positions * keyWidth() * backend.compute().bytes();
  }

  private DryPasses dry() {
    CausalLm dry = new CausalLm(config, backend.dry(), parts, packed);
    dry.recompute(recompute);
    return new DryPasses(dry);
  }

  private Pass pass(@Nullable Tape tape, Segments rows, Dropout dropout, Workspace ws) {
    return new Pass(tape, rows, ws, backend.kernels(), dropout);
  }

  /// A pass of inference.
  ///
  /// @param team null in prefill
  private Pass inference(Segments rows, Workspace ws, @Nullable Team team) {
    return new Pass(null, rows, ws, backend.kernels(), Dropout.NONE, true, team, null, null);
  }

  private Tensor inner(int tokens, Workspace ws) {
    return ws.take(backend.compute(), tokens, innerWidth());
  }

  private int innerWidth() {
    return parts.layers().stream().mapToInt(DecoderLayer::inner).max().orElseThrow();
  }

  /// @param lowest the first layer with a backward pass; those below keep nothing
  /// @param spare whether the residual stream needs its spare buffer
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
    Layers.InMemory layers = new Layers.InMemory(parts.layers(), i -> at(i, 1));
    Layers.forward(layers, List.of(flow), recompute, lowest);
    return r;
  }

  /// Keeps packed weights from one prefill pass to the next, until the model is closed; they take
  /// [#promptBytes], from the second pass on.
  public void keepPrompts() {
    packed.keepPrompts();
  }

  /// Bytes of the packed weights that prefill passes may keep; 0 if the backend packs none.
  public long promptBytes() {
    return packed.promptBytes();
  }

  /// The packed copies that [#cache] made.
  public Caches caches() {
    return packed.kept();
  }

  /// Bytes of the packed copies that [#cache] would make.
  public long cacheBytes(Caches caches) {
    return packed.bytes(caches);
  }

  /// Keeps packed copies of frozen weights, one for each direction, until the model is closed. Call
  /// it before adapters are attached. Nothing happens if the backend has no packed layout. A layer
  /// with a packed copy computes the same bits as one without in products of many rows.
  public void cache(Caches caches) {
    cache(caches, Set.of());
  }

  /// Keeps packed copies of the weights of all layers but some.
  ///
  /// @param without paths of layers whose weights will train
  public void cache(Caches caches, Set<String> without) {
    packed.keep(caches, without);
  }

  /// Measures for a plan as if weights were packed: with a packed head passes take larger chunks.
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
