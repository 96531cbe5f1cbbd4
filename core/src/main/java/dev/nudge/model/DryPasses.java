package dev.nudge.model;

import dev.nudge.kernel.Attend;
import dev.nudge.nn.Dropout;
import dev.nudge.nn.KvCache;
import dev.nudge.nn.KvPool;
import dev.nudge.nn.Share;
import dev.nudge.tensor.LaneGroup;
import dev.nudge.tensor.Team;
import dev.nudge.tensor.Workspace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/// Measures the workspace bytes of passes by dry runs. The workspace only counts bytes: a pass and
/// its plan are the same code.
///
/// @param model one with dry kernels
public record DryPasses(CausalLm model) {
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

  /// FLOPs of the matrix products of a training pass; a multiply-add counts 2.
  ///
  /// @param layers of all layers: forward, backward and recomputation
  /// @param head of the output head
  public record TrainWork(double layers, double head) {}

  /// Bytes of training on one sequence that is cut over all lanes (context parallelism).
  ///
  /// @param lane bytes of each lane's workspace
  /// @param shared bytes of the memory that all lanes share
  public record SplitParts(TrainParts lane, long shared) {}

  /// Bytes of one lane's workspace for training on batches up to this size.
  public long trainBytes(int tokens, int longest) {
    return trainParts(tokens, longest).peak();
  }

  /// Bytes of one lane's workspace for training on batches up to this size, in parts.
  public TrainParts trainParts(int tokens, int longest) {
    return train(Batch.largest(tokens, longest));
  }

  private TrainParts train(Batch batch) {
    try (Workspace ws = Workspace.measuring()) {
      model.train(batch, 1, Dropout.of(1, 1), ws);
      return parts(ws);
    }
  }

  /// Like [#trainParts], for shared prompts.
  public TrainParts branchedParts(int tokens, int longest) {
    return Batch.branched(tokens, longest).stream()
        .map(this::train)
        .reduce(TrainParts::or)
        .orElseThrow();
  }

  /// Bytes of training on sequences of up to `tokens` tokens that are cut over `lanes` lanes, for
  /// the most expensive lane.
  public SplitParts splitParts(int tokens, int lanes) {
    Attend attend = model.backend().kernels().attend();
    return model.config().layers().stream()
        .mapToInt(layer -> attend.fullest(layer.attention(), tokens))
        .distinct()
        .mapToObj(end -> split(tokens, lanes, end))
        .reduce((a, b) -> new SplitParts(a.lane().or(b.lane()), Math.max(a.shared(), b.shared())))
        .orElseThrow();
  }

  /// @param end of the query block with the highest peak
  private SplitParts split(int tokens, int lanes, int end) {
    try (LaneGroup group = LaneGroup.measuring(lanes);
        Workspace ws = Workspace.measuring()) {
      Share share = Share.widest(tokens, group, end);
      int rows = share.cut().rows(0);
      model.train(Batch.largest(rows, rows), share, 1, Dropout.of(1, 1), null, ws);
      return new SplitParts(parts(ws), share.member().shared().peak());
    }
  }

  /// Counts the FLOPs of a training pass.
  ///
  /// @param lengths tokens of each sequence
  /// @param labelled labelled rows of all sequences together
  public TrainWork work(int[] lengths, int labelled) {
    int tokens = Arrays.stream(lengths).sum();
    int[] rows = new int[labelled];
    Arrays.setAll(rows, i -> i);
    Batch batch =
        new Batch(new int[tokens], lengths, new long[lengths.length], rows, new int[labelled]);
    try (Workspace ws = Workspace.measuring()) {
      model.train(batch, 1, Dropout.of(1, 1), ws);
      double forward = stage(ws, CausalLm.FORWARD).operations();
      return new TrainWork(
          forward + stage(ws, CausalLm.BACKWARD).operations(),
          stage(ws, CausalLm.HEAD).operations());
    }
  }

  private static TrainParts parts(Workspace ws) {
    long saved = stage(ws, CausalLm.FORWARD).used();
    return new TrainParts(
        saved,
        stage(ws, CausalLm.HEAD).peak() - saved,
        Math.max(0, stage(ws, CausalLm.BACKWARD).peak() - saved),
        ws.peak(),
        ws.offloadedPeak());
  }

  private static Workspace.Stage stage(Workspace ws, String name) {
    return Objects.requireNonNull(ws.stages().get(name));
  }

  /// Bytes of a workspace for [CausalLm#score] on batches up to this size.
  public long scoreBytes(int tokens, int longest) {
    return score(Batch.largest(tokens, longest));
  }

  private long score(Batch batch) {
    int labelled = batch.rows().length;
    return measured(ws -> model.score(batch, new double[labelled], new int[labelled], ws));
  }

  /// Like [#scoreBytes], for shared prompts.
  public long scoreBranchedBytes(int tokens, int longest) {
    return Batch.branched(tokens, longest).stream().mapToLong(this::score).max().orElseThrow();
  }

  /// Bytes of a workspace for [CausalLm#remember] and [CausalLm#trainTowards] on batches up to this
  /// size.
  public long towardsBytes(int tokens, int longest) {
    Batch largest = Batch.largest(tokens, longest);
    return measured(ws -> model.trainTowards(model.remember(largest, ws), largest, 1, ws));
  }

  /// Bytes of a workspace for [InferencePasses#prefill] on up to `tokens` tokens of `sequences`
  /// sequences.
  ///
  /// @param positions maximum; attention may take more before a sequence is that long
  /// @param blockSize positions of a block at most
  public long prefillBytes(int tokens, int sequences, int positions, int blockSize) {
    Attend attend = model.backend().kernels().attend();
    IntStream fullest =
        model.config().layers().stream()
            .mapToInt(layer -> attend.fullest(layer.attention(), positions));
    return IntStream.concat(IntStream.of(positions), fullest)
        .distinct()
        .mapToLong(end -> prefillTo(tokens, sequences, end, blockSize))
        .max()
        .orElseThrow();
  }

  private long prefillTo(int tokens, int sequences, int positions, int blockSize) {
    int[] lengths = lengths(tokens, sequences);
    List<KvCache> caches = caches(lengths, positions, blockSize);
    int[] ids = new int[Arrays.stream(lengths).sum()];
    int[] all = new int[sequences];
    Arrays.setAll(all, i -> i);
    try (Team team = new Team(1)) {
      Prefill widest = Prefill.of(ids, lengths, caches, none(sequences), all);
      return measured(ws -> model.inference().prefill(widest, ws, team));
    }
  }

  /// Bytes that each further thread of a team needs for attention in [InferencePasses#prefill] on
  /// sequences of up to `positions` positions.
  public long attendBytes(int positions) {
    Attend attend = model.backend().kernels().attend();
    return model.config().layers().stream()
        .mapToLong(
            layer -> attend.bytes(layer.attention(), model.backend().compute(), 0, positions))
        .max()
        .orElse(0);
  }

  /// Bytes of a workspace for [InferencePasses#embed] on up to `tokens` tokens.
  public long embedBytes(int tokens) {
    return measured(ws -> model.inference().embed(new int[tokens], -1, ws));
  }

  private static int[] lengths(int tokens, int sequences) {
    int[] lengths = new int[sequences];
    Arrays.fill(lengths, 1);
    lengths[0] = Math.max(1, tokens - sequences + 1);
    return lengths;
  }

  private static int[] none(int sequences) {
    int[] none = new int[sequences];
    Arrays.fill(none, -1);
    return none;
  }

  private List<KvCache> caches(int[] lengths, int positions, int blockSize) {
    List<KvCache> caches = new ArrayList<>();
    for (int length : lengths) {
      int past = Math.max(0, positions - length);
      int size = Math.min(blockSize, past + length);
      int blocks = Math.ceilDiv(past + length, size);
      KvCache cache =
          KvPool.dry(
                  model.config().attentionLayers(),
                  blocks,
                  size,
                  model.keyWidth(),
                  model.backend().compute(),
                  model.states())
              .cache();
      cache.reserve(past);
      cache.advance(past);
      caches.add(cache);
    }
    return caches;
  }

  /// Bytes of a workspace for [InferencePasses#decode] on up to `tokens` tokens of `sequences`
  /// sequences.
  public long decodeBytes(int tokens, int sequences) {
    int[] lengths = lengths(tokens, sequences);
    List<KvCache> caches = caches(lengths, lengths[0], lengths[0]);
    int[] ids = new int[Arrays.stream(lengths).sum()];
    try (Team team = new Team(1)) {
      return measured(
          ws -> model.inference().decode(ids, lengths, caches, none(sequences), ws, team));
    }
  }

  private static long measured(Consumer<Workspace> pass) {
    try (Workspace ws = Workspace.measuring()) {
      pass.accept(ws);
      return ws.peak();
    }
  }
}
