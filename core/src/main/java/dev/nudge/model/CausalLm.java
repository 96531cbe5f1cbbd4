package dev.nudge.model;

import dev.nudge.kernel.HeadDivergence;
import dev.nudge.machine.Backend;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.model.family.WeightSource;
import dev.nudge.nn.Dropout;
import dev.nudge.nn.ExpertLoad;
import dev.nudge.nn.KvPool;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Modules;
import dev.nudge.nn.Norm;
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
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// A causal language model: embedding, decoder layers, final norm and output head.
///
/// It knows nothing about adapters or weight formats: both are [dev.nudge.nn.Linear]s in its slots.
/// All passes take batches of concatenated sequences, without padding.
///
/// Threading: lanes run passes concurrently, each with its own workspace. Slots and weights must
/// not change while a pass runs.
public final class CausalLm implements AutoCloseable {
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

  /// Measures the bytes and FLOPs of passes by dry runs.
  public DryPasses measured() {
    CausalLm dry = new CausalLm(config, backend.dry(), parts, packed);
    dry.recompute(recompute);
    return new DryPasses(dry);
  }

  /// The packed copies of frozen weights.
  public PackedWeights packed() {
    return packed;
  }

  /// The passes of inference.
  public InferencePasses inference() {
    return new InferencePasses(this);
  }

  /// The final norm.
  Norm norm() {
    return parts.norm();
  }

  /// The final norm and the output head.
  OutputHead output() {
    return output;
  }

  /// Whether an adapter added a score head. The model then computes one number per sequence, its
  /// reward: training and scoring take batches whose labelled rows are the last of each sequence,
  /// and a target's log-probability is replaced by that number.
  public boolean givesRewards() {
    return parts.score().there();
  }

  /// Sets the divisor of the logits in [#train] and [#score], initially 1; decoding ignores it.
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

  /// Prefetches experts' weights as soon as a router chooses them, if the layers' mapped weights
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
  /// @param load counts of the experts; a load loss needs whole sequences. null: none
  /// @return the sum over the lane's targets, without the load loss
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
  /// @param b its weights scale the gradient, by each adapter's own step
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
  /// adapter off, the base's.
  public HeadDivergence.Base remember(Batch b, Workspace ws) {
    ws.reset();
    Tensor kept = ws.take(backend.compute(), b.rows().length, config.hiddenSize());
    int mark = ws.mark();
    Pass p = pass(null, Segments.of(b.lengths(), b.keys(), ws), Dropout.NONE, ws);
    Residual r = forward(b.ids(), p);
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
    // the MLP's activations and the gradient of the normed input are never live together
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
    Residual r = forward(b.ids(), p);
    if (givesRewards()) {
      sequences.score(r, b, logprob, p);
    } else {
      tempered.score(r, b, logprob, argmax, p);
    }
  }

  static int[] all(int rows) {
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
    Residual r = forward(b.ids(), p);
    return output.logits(r, all(b.tokens()), p);
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

  private Pass pass(@Nullable Tape tape, Segments rows, Dropout dropout, Workspace ws) {
    return new Pass(tape, rows, ws, backend.kernels(), dropout);
  }

  private Tensor inner(int tokens, Workspace ws) {
    return ws.take(backend.compute(), tokens, innerWidth());
  }

  private int innerWidth() {
    return parts.layers().stream().mapToInt(DecoderLayer::inner).max().orElseThrow();
  }

  /// Runs the embedding and the layers without gradients.
  Residual forward(int[] ids, Pass p) {
    return forward(ids, inner(ids.length, p.ws()), layers(), false, p);
  }

  /// @param lowest the first layer with a backward pass; lower ones keep nothing
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
