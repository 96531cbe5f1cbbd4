package dev.nudge.train;

import dev.nudge.model.CausalLm;
import dev.nudge.settings.InputException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// How a run is laid out, settled once before it starts: same plan, same bytes.
///
/// The workspace of a lane is measured by running the training pass dry on the largest micro-batch
/// that the run can meet, so its size is exact.
///
/// @param backend compute type, products and kernels
/// @param lanes sequences side by side
/// @param threadsPerLane threads of each lane's products
/// @param microBatchTokens most tokens of a micro-batch
/// @param longest tokens of the longest row
/// @param workspaceBytes of one lane
/// @param weightBytes weights held in memory; those read in place from the file do not count
/// @param adapterBytes masters, working copies and gradients
/// @param optimizerBytes moments
public record Plan(
    String backend,
    int lanes,
    int threadsPerLane,
    int microBatchTokens,
    int longest,
    long workspaceBytes,
    long weightBytes,
    long adapterBytes,
    long optimizerBytes) {

  private static final int MOST_TOKENS = 4096; // products gain nothing beyond
  private static final long RUNTIME_BYTES = 300L << 20; // JVM, natives, scratchpads

  /// What the layout is made from.
  ///
  /// @param largestStep tokens of the largest step that can occur
  /// @param lanes wanted; null: chosen
  public record Wanted(
      int threads,
      @org.jspecify.annotations.Nullable Integer lanes,
      int batchSize,
      int longest,
      long largestStep,
      long memoryBytes,
      long weightBytes,
      long trained) {}

  /// Lays a run out in the memory there is: the fewest micro-batches that fit.
  ///
  /// @param dry the model without weights, adapters attached
  public static Plan of(CausalLm dry, Wanted w) {
    int lanes = w.lanes != null ? w.lanes : Math.max(1, Math.min(w.threads, w.batchSize));
    int threads = Math.max(1, w.threads / lanes);
    long acc = dry.backend().compute().accumulator().bytes();
    long work = dry.backend().compute() == dry.backend().compute().accumulator() ? 0 : 2;
    long adapter = w.trained * (acc + work + lanes * acc);
    long optimizer = Optimizer.bytes(w.trained);
    long fixed = w.weightBytes + adapter + optimizer + RUNTIME_BYTES;
    long enough = Math.min(w.largestStep, w.largestStep / lanes + w.longest);
    int tokens = (int) Math.max(w.longest, Math.min(MOST_TOKENS, enough));
    while (true) {
      long workspace =
          Math.max(dry.trainBytes(tokens, w.longest), dry.scoreBytes(tokens, w.longest));
      Plan plan =
          new Plan(
              dry.backend().name(),
              lanes,
              threads,
              tokens,
              w.longest,
              workspace,
              w.weightBytes,
              adapter,
              optimizer);
      if (fixed + lanes * workspace <= w.memoryBytes) {
        return plan;
      }
      if (tokens == w.longest) {
        throw new InputException(
            String.format(
                Locale.ROOT,
                "the run needs %s and may use %s; %sa smaller --max-length (the longest row has %d"
                    + " tokens) or a larger --memory",
                size(fixed + lanes * workspace),
                size(w.memoryBytes),
                lanes == 1 ? "give " : "give fewer --lanes (now " + lanes + "), ",
                w.longest));
      }
      tokens = Math.max(w.longest, tokens / 2);
    }
  }

  /// Bytes of all parts together.
  public long totalBytes() {
    return weightBytes + adapterBytes + optimizerBytes + lanes * workspaceBytes + RUNTIME_BYTES;
  }

  /// The plan as it is printed.
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    lines.add("compute    " + backend);
    lines.add(
        "lanes      "
            + lanes
            + " of "
            + threadsPerLane
            + (threadsPerLane == 1 ? " thread" : " threads")
            + ", micro-batches of up to "
            + microBatchTokens
            + " tokens");
    lines.add(
        "memory     "
            + size(totalBytes())
            + ": weights "
            + size(weightBytes)
            + " beside the mapped file, adapter "
            + size(adapterBytes)
            + ", optimiser "
            + size(optimizerBytes)
            + ", workspace "
            + lanes
            + " × "
            + size(workspaceBytes)
            + ", runtime "
            + size(RUNTIME_BYTES));
    return lines;
  }

  /// The plan as `run.json` holds it.
  public Map<String, Object> values() {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("backend", backend);
    values.put("lanes", lanes);
    values.put("threads_per_lane", threadsPerLane);
    values.put("micro_batch_tokens", microBatchTokens);
    values.put("longest", longest);
    values.put("workspace_bytes", workspaceBytes);
    values.put("weight_bytes", weightBytes);
    values.put("adapter_bytes", adapterBytes);
    values.put("optimizer_bytes", optimizerBytes);
    values.put("total_bytes", totalBytes());
    return values;
  }

  private static String size(long bytes) {
    double mib = bytes / 1048576.0;
    return mib >= 1024
        ? String.format(Locale.ROOT, "%.2f GiB", mib / 1024)
        : String.format(Locale.ROOT, "%.0f MiB", mib);
  }
}
