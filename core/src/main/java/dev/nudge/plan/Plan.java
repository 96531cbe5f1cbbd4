package dev.nudge.plan;

import dev.nudge.model.Caches;
import dev.nudge.model.DryPasses;
import dev.nudge.model.WeightBytes;
import dev.nudge.nn.Recompute;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.Count;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// The layout of a run, fixed before it starts: equal plans give equal bytes.
///
/// @param backend compute type, products and kernels
/// @param ranks processes that train together, `lanes` lanes each; at least 1
/// @param lanes sequences trained in parallel
/// @param threadsPerLane threads of each lane's products
/// @param microBatchTokens maximum tokens of a micro-batch
/// @param longest tokens of the longest row
/// @param levels gradient checkpointing of each layer; changes no bit of the result
/// @param split which sequences may be cut over all lanes (context parallelism)
/// @param footprint bytes of every part, without those of `split`
/// @param caches weights with packed copies
/// @param branches whether sequences that share a prompt compute it once
public record Plan(
    String backend,
    int ranks,
    int lanes,
    int threadsPerLane,
    int microBatchTokens,
    int longest,
    List<Recompute> levels,
    Split split,
    Footprint footprint,
    Caches caches,
    boolean branches) {

  /// Selects sequences to cut over all lanes (context parallelism).
  ///
  /// @param from tokens of the shortest such sequence
  /// @param sharedBytes memory for the keys and values that all lanes share
  public record Split(int from, long sharedBytes) {
    /// No sequence is cut.
    public static final Split NONE = new Split(Integer.MAX_VALUE, 0);
  }

  /// Returns this plan with another choice of sequences to cut.
  public Plan withSplit(Split other) {
    return with(other, footprint);
  }

  private Plan with(Split cuts, Footprint bytes) {
    return new Plan(
        backend,
        ranks,
        lanes,
        threadsPerLane,
        microBatchTokens,
        longest,
        levels,
        cuts,
        bytes,
        caches,
        branches);
  }

  public Plan {
    ranks = Math.max(1, ranks); // old checkpoints have no `ranks`
    levels = List.copyOf(levels);
  }

  /// Makes a plan of which only the workspace is counted, for passes outside a run.
  public static Plan uncounted(
      String backend, int lanes, int threads, int microBatchTokens, int longest, long workspace) {
    return new Plan(
        backend,
        1,
        lanes,
        threads,
        microBatchTokens,
        longest,
        List.of(),
        Split.NONE,
        new Footprint(
            new WeightBytes(0, 0, 0, 0),
            0,
            0,
            0,
            0,
            0,
            lanes,
            workspace,
            new DryPasses.TrainParts(0, 0, 0, workspace, 0),
            0,
            0),
        Caches.NONE,
        false);
  }

  /// Returns this plan with the optimiser's state in a mapped file that the system may evict:
  /// slower if memory is short, with the same result.
  public Plan withPagedOptimizer() {
    return with(split, footprint.withPagedOptimizer());
  }

  /// Bytes of one lane's workspace.
  public long workspaceBytes() {
    return footprint.workspace();
  }

  /// Bytes of one lane's file of layer inputs; 0 without offloading.
  public long offloadedBytes() {
    return footprint.pass().offloaded();
  }

  /// Threads of all lanes.
  public int threads() {
    return lanes * threadsPerLane;
  }

  /// Bytes of anonymous memory of all parts together.
  public long totalBytes() {
    return footprint.anonymous() + split.sharedBytes();
  }

  /// Formats the plan for people.
  public List<String> lines() {
    return List.of(compute(), "memory     " + Bytes.shown(totalBytes()));
  }

  /// The line of compute type and products.
  public String compute() {
    return "compute    " + backend;
  }

  /// The lines of lanes, micro-batches and checkpointing.
  public List<String> layout() {
    List<String> lines = new ArrayList<>();
    lines.add(
        "lanes      "
            + (ranks == 1 ? "" : ranks + " ranks with ")
            + lanes
            + " ("
            + Count.of(threadsPerLane, "thread")
            + (lanes == 1 ? ")" : " each)")
            + ", micro-batches of up to "
            + microBatchTokens
            + " tokens"
            + (split.equals(Split.NONE)
                ? ""
                : "; rows of " + split.from() + " and more may be cut over all lanes"));
    if (!counts().isEmpty()) {
      lines.add("recompute  " + recomputed());
    }
    return lines;
  }

  /// Formats the parts of the memory.
  public String holds() {
    Footprint f = footprint;
    return "holds      weights "
        + Bytes.shown(f.weights().held())
        + " beside the mapped file, trained "
        + Bytes.shown(f.masters() + f.working() + f.gradients())
        + ", optimiser "
        + (f.paged() > 0
            ? Bytes.shown(f.paged()) + " in a mapped file"
            : Bytes.shown(f.optimizer()))
        + ", workspace "
        + lanes
        + " × "
        + Bytes.shown(f.workspace())
        + (split.sharedBytes() == 0 ? "" : " + " + Bytes.shown(split.sharedBytes()))
        + (caches == Caches.NONE ? "" : ", packed weights " + Bytes.shown(f.caches()))
        + ", runtime "
        + Bytes.shown(f.runtime());
  }

  /// The number of layers at each level of gradient checkpointing, without `NONE`.
  private Map<Recompute, Integer> counts() {
    Map<Recompute, Integer> counts = new LinkedHashMap<>();
    for (Recompute level : levels) {
      if (level != Recompute.NONE) {
        counts.merge(level, 1, Integer::sum);
      }
    }
    return counts;
  }

  private String recomputed() {
    return counts().entrySet().stream()
        .map(e -> e.getKey().shown() + " in " + Count.of(e.getValue(), "layer"))
        .collect(Collectors.joining(", "));
  }

  /// The keys of the plan in `run.json`.
  public Map<String, @Nullable Object> values() {
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    values.put("backend", backend);
    values.put("ranks", ranks);
    values.put("lanes", lanes);
    values.put("threads_per_lane", threadsPerLane);
    values.put("micro_batch_tokens", microBatchTokens);
    values.put("longest", longest);
    values.put("split_from", split.equals(Split.NONE) ? null : split.from());
    values.put("shared_bytes", split.sharedBytes());
    values.put("branches", branches);
    values.put("caches", caches.name().toLowerCase(Locale.ROOT));
    Map<String, Integer> recompute = new LinkedHashMap<>();
    counts().forEach((level, n) -> recompute.put(level.name().toLowerCase(Locale.ROOT), n));
    values.put("recompute", recompute);
    values.put("workspace_bytes", workspaceBytes());
    values.put("total_bytes", totalBytes());
    values.put("bytes", footprint.values());
    return values;
  }
}
