package dev.nudge.plan;

import dev.nudge.model.Caches;
import dev.nudge.model.CausalLm;
import dev.nudge.model.WeightBytes;
import dev.nudge.nn.Recompute;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.InputException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Lays a run out in the memory there is, the dearest means last:
///
/// 1. micro-batches of a thousand tokens or of the longest row, everything kept for the backward
///    pass, weights cached in the layout of their products where that leaves a quarter of the
///    memory free;
/// 2. no caches, then rows above a thousand tokens cut over the lanes;
/// 3. the lowest layers compute things again, the cheapest things first: as few layers as needed;
/// 4. micro-batches of a single row;
/// 5. weights that lie in a file are not kept in memory between their uses, but streamed;
/// 6. layer inputs in a file;
/// 7. the optimiser's state in a file;
/// 8. fewer lanes, where they were not asked for.
///
/// Weights in a file are given up after recomputation, because that costs a quarter of the speed at
/// most, and reading all weights twice a step what the disk makes of it.
///
/// Where most of a model trains, the last two change places: a lane holds a gradient as large as
/// the model, and a state of that size would go to the disk and back in each step.
///
/// Recomputation comes before fewer lanes: computing nearly everything again costs a quarter of the
/// speed, and so do two threads in one product instead of two lanes; the first changes no bit.
/// The lowest layers are taken because the fullest moment is the end of the forward pass and the
/// backward pass of the highest ones, to which their scratch would add.
///
/// The workspace of a lane is measured by running the training pass dry on the largest
/// micro-batch that the run can meet, so its size is exact. What was measured once is kept
/// while other means are tried.
public final class Planner {
  /// Tokens of a micro-batch: products gain nothing beyond, and what lies between them leaves the
  /// cache.
  private static final int TOKENS = 1024;

  private static final int SPLIT_ROWS = 128; // a lane's part of a sequence that is worth cutting

  private final CausalLm dry;
  private final Wanted w;
  private final Map<Passes, Taken> taken = new HashMap<>();
  private boolean paged;
  private long room; // for what is not in a file

  private Planner(CausalLm dry, Wanted w) {
    this.dry = dry;
    this.w = w;
    this.room = w.memoryBytes;
  }

  /// Says what a run needs, from which its layout is made.
  ///
  /// @param lanes wanted; null: chosen
  /// @param batchSize sequences of an optimiser step
  /// @param longest tokens of the longest row
  /// @param largestStep tokens of the largest step that can occur
  /// @param scores whether held-out rows are scored
  /// @param trained numbers that train: of the adapter, or of the model
  /// @param optimizerBytes state of the optimiser
  /// @param caches the most that may be cached where memory is free
  /// @param sampleBytes what answering prompts between steps takes
  public record Wanted(
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
      long sampleBytes) {}

  /// A layout, or where none fits the one that needs the least.
  public record Fit(Plan plan, boolean fits) {}

  /// Lays a run out.
  ///
  /// @param dry the model without weights, adapters attached; its levels are changed
  /// @param remedies flags with which it fits, each enough alone; asked only where nothing fits
  /// @throws InputException where nothing fits, naming them
  public static Plan plan(CausalLm dry, Wanted w, Supplier<List<String>> remedies) {
    Fit fit = fit(dry, w);
    if (!fit.fits()) {
      throw new InputException(
          "the run needs %s and may use %s; it fits with %s"
              .formatted(
                  Bytes.shown(fit.plan().totalBytes()),
                  Bytes.shown(w.memoryBytes),
                  String.join(", or with ", remedies.get())));
    }
    return fit.plan();
  }

  /// The same where no flags are known with which it would fit.
  public static Plan plan(CausalLm dry, Wanted w) {
    return plan(dry, w, () -> List.of("a larger --memory"));
  }

  /// Lays a run out, or says what the leanest layout needs.
  public static Fit fit(CausalLm dry, Wanted w) {
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

  /// What is taken when nothing cheaper is left.
  private record Means(int lanes, boolean paged) {}

  /// The means in the order in which they are tried.
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
    int most = (int) Math.max(w.longest, Math.min(TOKENS, share(lanes)));
    int tokens = w.batchSize == 1 ? whole : most; // of one row, what is longer is always cut
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

  /// Tokens that come to a lane in a step, at most: no lane is ahead by more than a sequence, and
  /// none gets more sequences than its share. Held-out rows come in any number.
  private long share(int lanes) {
    long share = Math.min(w.largestStep, w.largestStep / lanes + w.longest);
    long rows = Math.ceilDiv(w.batchSize, lanes);
    return w.scores ? share : Math.min(share, rows * w.longest);
  }

  /// Returns a plan with as many caches as fit into three quarters of the memory beside mapped
  /// weights: where these are streamed, the system caches them better.
  private Plan withCaches(Plan plan) {
    for (Caches caches : List.of(Caches.ALL, Caches.HEAD)) {
      if (!paged && caches.compareTo(w.caches) <= 0 && dry.cacheBytes(caches) > 0) {
        Plan cached =
            dry.assuming(
                caches, () -> layout(plan.lanes(), plan.microBatchTokens(), plan.levels(), caches));
        if (cached.totalBytes() <= (w.memoryBytes() - w.weights().mapped()) / 4 * 3) {
          return cached;
        }
      }
    }
    return plan;
  }

  /// The fewest steps down the ladder that fit, or the last.
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

  /// The rung `step` of the ladder: each level goes once over all layers, from the lowest up.
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

  /// A lane for each sequence of a step; more where the longest row is enough for more.
  private int lanes() {
    return Math.clamp(Math.max(w.batchSize, w.longest / SPLIT_ROWS), 1, w.threads);
  }

  /// Tokens of the shortest sequence that may be cut over all lanes.
  private int splitFrom(int lanes) {
    int from = SPLIT_ROWS * lanes;
    return lanes == 1 || w.longest < from ? Plan.Split.NONE.from() : from;
  }

  /// Tokens of the longest sequence that has to fit a lane as a whole.
  private int longestWhole(int lanes) {
    return Math.min(w.longest, splitFrom(lanes) - 1);
  }

  /// What a lane's passes depend on; where weights and states lie does not matter to them.
  private record Passes(int lanes, int tokens, List<Recompute> levels, Caches caches) {}

  /// What passes take.
  ///
  /// @param workspace bytes of a lane
  private record Taken(CausalLm.TrainParts pass, Plan.Split split, long workspace) {}

  /// Runs passes dry.
  private Taken measure(Passes passes) {
    int tokens = passes.tokens;
    dry.recompute(passes.levels);
    CausalLm.TrainParts pass = dry.trainParts(tokens, Math.min(tokens, w.longest));
    Plan.Split split = Plan.Split.NONE;
    int from = splitFrom(passes.lanes);
    if (from < split.from()) {
      CausalLm.SplitParts parts = dry.splitParts(w.longest, passes.lanes);
      split = new Plan.Split(from, parts.shared());
      pass = pass.or(parts.lane());
    }
    long workspace = pass.peak();
    if (w.scores) {
      workspace = Math.max(workspace, dry.scoreBytes(Math.max(tokens, w.longest), w.longest));
    }
    return new Taken(pass, split, workspace);
  }

  private Plan layout(int lanes, int tokens, List<Recompute> levels, Caches caches) {
    Taken t = taken.computeIfAbsent(new Passes(lanes, tokens, levels, caches), this::measure);
    Plan plan =
        new Plan(
            dry.backend().name(),
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
                dry.cacheBytes(caches),
                Runtimes.bytes(dry.config(), dry.backend(), lanes, tokens, w.longest)
                    + w.sampleBytes),
            caches);
    return paged ? plan.withPagedOptimizer() : plan;
  }
}
