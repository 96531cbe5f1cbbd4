package dev.nudge.plan;

import dev.nudge.machine.Backend;
import dev.nudge.model.Caches;
import dev.nudge.model.CausalLm;
import dev.nudge.model.DryPasses;
import dev.nudge.model.WeightBytes;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.Recompute;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.MemoryException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Fits a run into memory, trying the cheapest means first:
///
/// 1. micro-batches of a thousand tokens or of the longest row, no gradient checkpointing, packed
///    copies of weights if they leave a quarter of the memory free;
/// 2. no packed copies, then rows above a thousand tokens cut over the lanes;
/// 3. gradient checkpointing in the lowest layers, cheapest recomputation first, in as few as
///    needed;
/// 4. micro-batches of a single row;
/// 5. weights in a file are streamed instead of kept in memory;
/// 6. layer inputs offloaded to a file;
/// 7. the optimiser's state in a file;
/// 8. fewer lanes, unless their number was set.
///
/// Weights are streamed only after recomputation, because recomputation costs at most a quarter of
/// the speed, while streaming reads all weights from disk twice a step.
///
/// If most of a model trains, the last two change places: each lane holds a gradient as large as
/// the model, and an optimiser state of that size would go to disk and back in each step.
///
/// Recomputation comes before fewer lanes: full checkpointing costs a quarter of the speed, and so
/// do two threads in one product instead of two lanes; checkpointing changes no bit. The lowest
/// layers are chosen because memory peaks at the end of the forward pass and in the backward pass
/// of the highest layers, to which their scratch memory would add.
///
/// A lane's workspace is measured by a dry run of the training pass on the largest micro-batch that
/// the run can meet, so its size is exact. Measurements are cached while other means are tried.
public final class Planner {
  /// Tokens of a micro-batch: more do not make products faster, and activations between products
  /// leave the processor's cache.
  private static final int TOKENS = 1024;

  // bytes besides tensors
  private static final long PROCESS = 111L << 20;
  private static final long LANE = 2L << 20;
  private static final long LANE_TOKEN = 32L << 10; // of a lane's micro-batch
  private static final int MOST_TOKENS = 320; // more tokens need no more memory
  private static final long TOKEN = 450; // of the vocabulary, in two tables of text
  private static final long EXPERT = 96L << 10; // of the heap: its entries in files, its layers

  private static final int SPLIT_ROWS = 128; // a lane's part of a sequence that is worth cutting

  private final CausalLm dry;
  private final Request w;
  private final Map<Passes, PassMemory> taken = new HashMap<>();
  private boolean paged;
  private long room; // for parts not in a file

  private Planner(CausalLm dry, Request w) {
    this.dry = dry;
    this.w = w;
    this.room = w.memoryBytes;
  }

  /// Requirements of a run.
  ///
  /// @param ranks processes that train together, each with this plan
  /// @param lanes as set; null: chosen here
  /// @param batchSize sequences of an optimiser step
  /// @param longest tokens of the longest row
  /// @param largestStep tokens of the largest possible step
  /// @param scores whether held-out rows are scored
  /// @param replayed tokens of the longest row that is compared with the base; 0: none is
  /// @param trained number of trainable parameters
  /// @param optimizerBytes state of the optimiser
  /// @param caches most weights that may get packed copies if memory is free
  /// @param sampleBytes for sampling answers between steps
  /// @param branches whether sequences share their prompt
  public record Request(
      int threads,
      int ranks,
      @Nullable Integer lanes,
      int batchSize,
      int longest,
      long largestStep,
      boolean scores,
      int replayed,
      long memoryBytes,
      WeightBytes weights,
      long trained,
      long optimizerBytes,
      Caches caches,
      long sampleBytes,
      boolean branches) {

    /// Requirements of one process, without replayed rows and shared prompts.
    public Request(
        int threads,
        @Nullable Integer lanes,
        int batchSize,
        int longest,
        long largestStep,
        boolean scores,
        long memoryBytes,
        WeightBytes weights,
        long trained,
        long optimizerBytes,
        Caches caches,
        long sampleBytes) {
      this(
          threads,
          1,
          lanes,
          batchSize,
          longest,
          largestStep,
          scores,
          0,
          memoryBytes,
          weights,
          trained,
          optimizerBytes,
          caches,
          sampleBytes,
          false);
    }
  }

  /// A layout; if none fits, the one that needs the least memory.
  public record Fit(Plan plan, boolean fits) {}

  /// Lays a run out.
  ///
  /// @param dry the model without weights, adapters attached; its checkpointing is changed
  /// @param remedies flags with which the run fits, each enough alone; called only if nothing fits
  /// @throws MemoryException if nothing fits, naming these flags
  public static Plan plan(CausalLm dry, Request w, Supplier<List<String>> remedies) {
    Fit fit = fit(dry, w);
    if (!fit.fits()) {
      throw new MemoryException(
          "the run needs %s and may use %s; it fits with %s"
              .formatted(
                  Bytes.shown(fit.plan().totalBytes()),
                  Bytes.shown(w.memoryBytes),
                  String.join(", or with ", remedies.get())));
    }
    return fit.plan();
  }

  /// Lays a run out, without advice on flags if nothing fits.
  public static Plan plan(CausalLm dry, Request w) {
    return plan(dry, w, () -> List.of("a larger --memory"));
  }

  /// Lays a run out; if nothing fits, returns the leanest layout.
  public static Fit fit(CausalLm dry, Request w) {
    return new Planner(dry, w).fit();
  }

  private Fit fit() {
    List<Means> means = means();
    paged = false;
    room = w.memoryBytes - w.weights.mapped();
    Fit fit = fit(means.getFirst().lanes, Recompute.EVERYTHING);
    room = w.memoryBytes;
    for (int i = 0; i < means.size() && !fit.fits(); i++) {
      paged = means.get(i).paged;
      fit = fit(means.get(i).lanes, Recompute.OFFLOADED);
    }
    return fit;
  }

  /// The last means: number of lanes, and the optimiser's state in a file.
  private record Means(int lanes, boolean paged) {}

  /// The last means, in the order in which they are tried.
  private List<Means> means() {
    List<Integer> counts = new ArrayList<>();
    counts.add(w.lanes != null ? w.lanes : lanes());
    while (w.lanes == null && counts.getLast() > 1) {
      counts.add(counts.getLast() / 2);
    }
    List<Means> means = new ArrayList<>();
    if (2 * w.trained > dry.config().parameters()) {
      counts.forEach(lanes -> means.add(new Means(lanes, false)));
      counts.forEach(lanes -> means.add(new Means(lanes, true)));
    } else {
      for (int lanes : counts) {
        means.add(new Means(lanes, false));
        means.add(new Means(lanes, true));
      }
    }
    return means;
  }

  private Fit fit(int lanes, Recompute deepest) {
    int whole = longestWhole(lanes);
    int wanted = w.branches ? Math.max(TOKENS, 2 * w.longest) : TOKENS;
    int most = (int) Math.max(w.longest, Math.min(wanted, share(w.ranks * lanes)));
    int tokens = w.batchSize == 1 ? whole : most; // of one row; longer rows are always cut
    int least = Math.max(whole, Math.min(tokens, TOKENS));
    while (true) {
      Plan plan = layout(lanes, tokens, levels(0), Caches.NONE);
      if (fits(plan)) {
        return new Fit(withCaches(plan), true);
      }
      if (tokens == least) {
        break;
      }
      tokens = Math.max(least, tokens / 2);
    }
    if (least > whole) {
      Fit fit = deepened(lanes, least, Recompute.EVERYTHING);
      if (fit.fits()) {
        return fit;
      }
    }
    return deepened(lanes, whole, deepest);
  }

  /// Maximum tokens of a lane in a step: no lane is ahead by more than a sequence, and none gets
  /// more sequences than its share. Held-out rows come in any number.
  private long share(int lanes) {
    long share = Math.min(w.largestStep, w.largestStep / lanes + w.longest);
    long rows = Math.ceilDiv(w.batchSize, lanes);
    return w.scores ? share : Math.min(share, rows * w.longest);
  }

  /// Returns a plan with as many packed copies as fit into three quarters of the memory beside
  /// mapped weights; if weights are streamed, the page cache is worth more.
  private Plan withCaches(Plan plan) {
    for (Caches caches : List.of(Caches.ALL, Caches.HEAD)) {
      if (!paged && caches.compareTo(w.caches) <= 0 && dry.packed().bytes(caches) > 0) {
        Plan cached =
            dry.packed()
                .assuming(
                    caches,
                    () -> layout(plan.lanes(), plan.microBatchTokens(), plan.levels(), caches));
        if (cached.totalBytes() <= (w.memoryBytes() - w.weights().mapped()) / 4 * 3) {
          return cached;
        }
      }
    }
    return plan;
  }

  /// The first rung of the checkpointing ladder that fits, or the last.
  private Fit deepened(int lanes, int tokens, Recompute deepest) {
    int last = dry.layers() * deepest.ordinal();
    Plan leanest = layout(lanes, tokens, levels(last), Caches.NONE);
    if (!fits(leanest)) {
      return new Fit(leanest, false);
    }
    int low = 0; // does not fit
    int high = last; // fits
    Plan found = leanest;
    while (high - low > 1) {
      int middle = (low + high) / 2;
      Plan plan = layout(lanes, tokens, levels(middle), Caches.NONE);
      if (fits(plan)) {
        high = middle;
        found = plan;
      } else {
        low = middle;
      }
    }
    return new Fit(found, true);
  }

  /// Rung `step` of the checkpointing ladder: each level in turn over all layers, lowest first.
  private List<Recompute> levels(int step) {
    int layers = dry.layers();
    Recompute[] all = Recompute.values();
    List<Recompute> levels = new ArrayList<>();
    for (int i = 0; i < layers; i++) {
      levels.add(all[step / layers + (i < step % layers ? 1 : 0)]);
    }
    return levels;
  }

  private boolean fits(Plan plan) {
    return plan.totalBytes() <= room;
  }

  /// A lane for each sequence of a step; more if the longest row has enough tokens for more.
  private int lanes() {
    int parts = w.ranks > 1 ? 0 : w.longest / SPLIT_ROWS;
    return Math.clamp(Math.max(Math.ceilDiv(w.batchSize, w.ranks), parts), 1, w.threads);
  }

  /// Tokens of the shortest sequence that may be cut over all lanes, which share memory then. A
  /// router's load needs whole sequences.
  private int splitFrom(int lanes) {
    int from = SPLIT_ROWS * lanes;
    boolean whole = lanes == 1 || w.ranks > 1 || dry.balance() > 0 || dry.config().recurrent();
    return whole || w.longest < from ? Plan.Split.NONE.from() : from;
  }

  /// Tokens of the longest sequence that one lane computes alone.
  private int longestWhole(int lanes) {
    return Math.min(w.longest, splitFrom(lanes) - 1);
  }

  /// All parameters of the layout on which a lane's passes depend.
  private record Passes(int lanes, int tokens, List<Recompute> levels, Caches caches) {}

  /// The memory of passes.
  ///
  /// @param workspace bytes of a lane
  private record PassMemory(DryPasses.TrainParts pass, Plan.Split split, long workspace) {}

  /// Measures passes by dry runs.
  private PassMemory measure(Passes passes) {
    int tokens = passes.tokens;
    dry.recompute(passes.levels);
    DryPasses.TrainParts pass = dry.measured().trainParts(tokens, Math.min(tokens, w.longest));
    if (w.branches) {
      pass = pass.or(dry.measured().branchedParts(tokens, w.longest));
    }
    Plan.Split split = Plan.Split.NONE;
    int from = splitFrom(passes.lanes);
    if (from < split.from()) {
      DryPasses.SplitParts parts = dry.measured().splitParts(w.longest, passes.lanes);
      split = new Plan.Split(from, parts.shared());
      pass = pass.or(parts.lane());
    }
    long workspace = pass.peak();
    if (w.scores) {
      int scored = Math.max(tokens, w.longest);
      workspace = Math.max(workspace, dry.measured().scoreBytes(scored, w.longest));
      if (w.branches) {
        workspace = Math.max(workspace, dry.measured().scoreBranchedBytes(scored, w.longest));
      }
    }
    if (w.replayed > 0) {
      workspace =
          Math.max(
              workspace, dry.measured().towardsBytes(Math.max(tokens, w.replayed), w.replayed));
    }
    return new PassMemory(pass, split, workspace);
  }

  private Plan layout(int lanes, int tokens, List<Recompute> levels, Caches caches) {
    PassMemory t = taken.computeIfAbsent(new Passes(lanes, tokens, levels, caches), this::measure);
    Plan plan =
        new Plan(
            dry.backend().name(),
            w.ranks,
            lanes,
            Math.max(1, w.threads / lanes),
            tokens,
            w.longest,
            levels,
            t.split,
            Footprint.of(
                w.weights,
                dry.backend().compute(),
                w.trained,
                w.optimizerBytes,
                lanes,
                t.workspace,
                t.pass,
                dry.packed().bytes(caches),
                runtimeBytes(dry.config(), dry.backend(), lanes, tokens, w.longest)
                    + w.sampleBytes),
            caches,
            w.branches);
    return paged ? plan.withPagedOptimizer() : plan;
  }

  /// Estimates the memory of a process besides tensors: heap, compiled code and metaspace of the
  /// JVM, code of compiled products and their scratchpads, the tokenizer's tables, and the rotary
  /// tables, which are exact. It is the one part of a plan that is fitted to measurements instead
  /// of counted.
  ///
  /// @param tokens maximum tokens of a micro-batch
  private static long runtimeBytes(
      ModelConfig config, Backend backend, int lanes, int tokens, int longest) {
    long rotary = config.rotaryBytes(longest, backend.compute());
    long lane = LANE + LANE_TOKEN * Math.min(tokens, MOST_TOKENS);
    long experts = EXPERT * IntStream.of(config.experts()).sum();
    return PROCESS + lanes * lane + TOKEN * config.vocabSize() + experts + rotary;
  }
}
