package dev.nudge.plan;

import dev.nudge.model.Caches;
import dev.nudge.model.CausalLm;
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

/// Says how a run is laid out, settled once before it starts: equal plans give equal bytes.
///
/// @param backend compute type, products and kernels
/// @param lanes sequences side by side
/// @param threadsPerLane threads of each lane's products
/// @param microBatchTokens most tokens of a micro-batch
/// @param longest tokens of the longest row
/// @param levels what each layer computes again in the backward pass; they change no bit
/// @param split which sequences may be cut over all lanes
/// @param footprint bytes of every part of lanes that work alone
/// @param caches weights kept a second time in the layout of their products
public record Plan(
    String backend,
    int lanes,
    int threadsPerLane,
    int microBatchTokens,
    int longest,
    List<Recompute> levels,
    Split split,
    Footprint footprint,
    Caches caches) {

  /// Says which sequences may be cut over all lanes.
  ///
  /// @param from tokens of the shortest one
  /// @param sharedBytes memory for the keys and values that all lanes see
  public record Split(int from, long sharedBytes) {
    /// Sequences stay whole.
    public static final Split NONE = new Split(Integer.MAX_VALUE, 0);
  }

  /// Returns this plan with another choice of the sequences that are cut.
  public Plan withSplit(Split other) {
    return with(other, footprint);
  }

  private Plan with(Split cuts, Footprint bytes) {
    return new Plan(
        backend, lanes, threadsPerLane, microBatchTokens, longest, levels, cuts, bytes, caches);
  }

  public Plan {
    levels = List.copyOf(levels);
  }

  /// Makes a plan of which only the workspace is counted, for passes outside a run.
  public static Plan uncounted(
      String backend, int lanes, int threads, int microBatchTokens, int longest, long workspace) {
    return new Plan(
        backend,
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
            new CausalLm.TrainParts(0, 0, 0, workspace, 0),
            0,
            0),
        Caches.NONE);
  }

  /// Returns this plan with the optimiser's state in a mapped file that the system may evict:
  /// slower where memory is short, with the same result.
  public Plan withPagedOptimizer() {
    return with(split, footprint.withPagedOptimizer());
  }

  /// Bytes of one lane's workspace.
  public long workspaceBytes() {
    return footprint.workspace();
  }

  /// Bytes of one lane's file of layer inputs; 0 where none is offloaded.
  public long offloadedBytes() {
    return footprint.pass().offloaded();
  }

  /// Bytes of all parts together that the process holds by itself.
  public long totalBytes() {
    return footprint.anonymous() + split.sharedBytes();
  }

  /// The plan as it is printed.
  public List<String> lines() {
    return List.of(compute(), "memory     " + Bytes.shown(totalBytes()));
  }

  /// The line of compute type and products.
  public String compute() {
    return "compute    " + backend;
  }

  /// How it is laid out, for those who know the machine.
  public List<String> layout() {
    List<String> lines = new ArrayList<>();
    lines.add(
        "lanes      "
            + lanes
            + " of "
            + Count.of(threadsPerLane, "thread")
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

  /// The line of what its memory holds, for them too.
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

  /// Levels with the number of layers that are at them, `NONE` left out.
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

  /// The plan as `run.json` holds it.
  public Map<String, @Nullable Object> values() {
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    values.put("backend", backend);
    values.put("lanes", lanes);
    values.put("threads_per_lane", threadsPerLane);
    values.put("micro_batch_tokens", microBatchTokens);
    values.put("longest", longest);
    values.put("split_from", split.equals(Split.NONE) ? null : split.from());
    values.put("shared_bytes", split.sharedBytes());
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
