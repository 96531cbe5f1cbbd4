package dev.nudge.plan;

import dev.nudge.model.Caches;
import dev.nudge.model.CausalLm;
import dev.nudge.settings.InputException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Lays a run out in the memory there is: the fewest micro-batches that fit, and the optimiser's
/// state in a mapped file where it fits no other way.
///
/// The workspace of a lane is measured by running the training pass dry on the largest micro-batch
/// that the run can meet, so its size is exact.
public final class Planner {
  private static final int MOST_TOKENS = 4096; // products gain nothing beyond
  private static final int SPLIT_ROWS = 128; // a lane's part of a sequence that is worth cutting
  private static final long RUNTIME_BYTES = 300L << 20; // JVM, natives, scratchpads

  private Planner() {}

  /// What a layout is made from.
  ///
  /// @param lanes wanted; null: chosen
  /// @param batchSize sequences of an optimiser step
  /// @param longest tokens of the longest row
  /// @param largestStep tokens of the largest step that can occur
  /// @param trained numbers of the adapter
  /// @param optimizerBytes state of the optimiser
  /// @param caches the most that may be cached where memory is free
  public record Wanted(
      int threads,
      @Nullable Integer lanes,
      int batchSize,
      int longest,
      long largestStep,
      long memoryBytes,
      Weights weights,
      long trained,
      long optimizerBytes,
      Caches caches) {}

  /// Lays a run out.
  ///
  /// @param dry the model without weights, adapters attached
  /// @throws InputException where nothing fits, naming what could be given
  public static Plan plan(CausalLm dry, Wanted w) {
    int lanes = w.lanes != null ? w.lanes : lanes(w);
    int whole = longestWhole(w, lanes);
    long enough = Math.min(w.largestStep, w.largestStep / lanes + w.longest);
    int most = (int) Math.max(w.longest, Math.min(MOST_TOKENS, enough));
    int tokens = w.batchSize == 1 ? whole : most; // of one row, what is longer is always cut
    while (true) {
      Plan plan = layout(dry, w, lanes, tokens, Caches.NONE);
      if (plan.totalBytes() <= w.memoryBytes) {
        return withCaches(dry, w, plan);
      }
      if (tokens == whole) {
        Plan paged = plan.withPagedOptimizer();
        if (paged.totalBytes() <= w.memoryBytes) {
          return paged;
        }
        throw refusal(paged, w);
      }
      tokens = Math.max(whole, tokens / 2);
    }
  }

  /// The same plan with as many caches as fit into three quarters of the memory.
  private static Plan withCaches(CausalLm dry, Wanted w, Plan plan) {
    for (Caches caches : List.of(Caches.ALL, Caches.HEAD)) {
      if (caches.compareTo(w.caches) <= 0) {
        Plan cached =
            dry.assuming(
                caches, () -> layout(dry, w, plan.lanes(), plan.microBatchTokens(), caches));
        if (cached.totalBytes() <= w.memoryBytes / 4 * 3) {
          return cached;
        }
      }
    }
    return plan;
  }

  /// A lane for each sequence of a step; more where the longest row is enough for more.
  private static int lanes(Wanted w) {
    return Math.clamp(Math.max(w.batchSize, w.longest / SPLIT_ROWS), 1, w.threads);
  }

  /// Tokens of the shortest sequence that may be cut over all lanes.
  private static int splitFrom(Wanted w, int lanes) {
    int from = SPLIT_ROWS * lanes;
    return lanes == 1 || w.longest < from ? Plan.Split.NONE.from() : from;
  }

  /// Tokens of the longest sequence that has to fit a lane as a whole.
  private static int longestWhole(Wanted w, int lanes) {
    return Math.min(w.longest, splitFrom(w, lanes) - 1);
  }

  private static Plan layout(CausalLm dry, Wanted w, int lanes, int tokens, Caches caches) {
    CausalLm.TrainParts pass = dry.trainParts(tokens, Math.min(tokens, w.longest));
    Plan.Split split = Plan.Split.NONE;
    int from = splitFrom(w, lanes);
    if (from < split.from()) {
      CausalLm.SplitParts parts = dry.splitParts(w.longest, lanes);
      split = new Plan.Split(from, parts.shared());
      pass = parts.lane().peak() > pass.peak() ? parts.lane() : pass;
    }
    return new Plan(
        dry.backend().name(),
        lanes,
        Math.max(1, w.threads / lanes),
        tokens,
        w.longest,
        split,
        Footprint.of(
            w.weights,
            dry.backend().compute(),
            w.trained,
            w.optimizerBytes,
            lanes,
            Math.max(pass.peak(), dry.scoreBytes(Math.max(tokens, w.longest), w.longest)),
            pass,
            dry.cacheBytes(caches),
            RUNTIME_BYTES),
        caches);
  }

  private static InputException refusal(Plan plan, Wanted w) {
    return new InputException(
        "the run needs "
            + Bytes.shown(plan.totalBytes())
            + " and may use "
            + Bytes.shown(w.memoryBytes)
            + "; "
            + (plan.lanes() == 1 ? "give " : "give fewer --lanes (now " + plan.lanes() + "), ")
            + "a smaller --max-length (the longest row has "
            + w.longest
            + " tokens) or a larger --memory");
  }
}
