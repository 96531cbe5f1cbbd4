package dev.nudge.plan;

import dev.nudge.model.DryPasses;
import dev.nudge.model.WeightBytes;
import dev.nudge.tensor.Dtype;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/// Peak memory of a run, in bytes by part.
///
/// @param weights the frozen weights
/// @param masters master weights: the trainable numbers of the adapter, or of the model
/// @param working their copies in the compute type; 0 if products read the masters
/// @param gradients of all lanes, one gradient each
/// @param optimizer the optimiser's state in memory
/// @param paged the optimiser's state in a mapped file that the system may evict
/// @param lanes number of lanes
/// @param workspace bytes of one lane's workspace
/// @param pass peak of a training pass in a workspace
/// @param caches packed copies of weights
/// @param runtime JVM, native libraries, tokenizer, tables
public record Footprint(
    WeightBytes weights,
    long masters,
    long working,
    long gradients,
    long optimizer,
    long paged,
    int lanes,
    long workspace,
    DryPasses.TrainParts pass,
    long caches,
    long runtime) {

  /// Counts the footprint of `trained` trainable numbers.
  static Footprint of(
      WeightBytes weights,
      Dtype compute,
      long trained,
      long optimizer,
      int lanes,
      long workspace,
      DryPasses.TrainParts pass,
      long caches,
      long runtime) {
    long acc = compute.accumulator().bytes();
    return new Footprint(
        weights,
        trained * acc,
        compute == compute.accumulator() ? 0 : trained * compute.bytes(),
        lanes * trained * acc,
        optimizer,
        0,
        lanes,
        workspace,
        pass,
        caches,
        runtime);
  }

  /// Bytes of master weights and optimiser state, as a checkpoint holds them.
  public long stateBytes() {
    return masters + optimizer + paged;
  }

  /// Returns this footprint with the optimiser's state in a mapped file.
  Footprint withPagedOptimizer() {
    return new Footprint(
        weights,
        masters,
        working,
        gradients,
        0,
        optimizer + paged,
        lanes,
        workspace,
        pass,
        caches,
        runtime);
  }

  /// Formats the bytes of a trainable number: `22.0 bytes each: master 4.0, copy 2.0, gradients 2 ×
  /// 4.0, optimiser 8.0`.
  public String each(long trained) {
    double n = Math.max(1, trained);
    long state = optimizer + paged;
    return String.format(
        Locale.ROOT,
        "%.1f bytes each: master %.1f%s, gradients %d × %.1f, optimiser %.1f%s",
        (masters + working + gradients + state) / n,
        masters / n,
        working == 0 ? "" : String.format(Locale.ROOT, ", copy %.1f", working / n),
        lanes,
        gradients / n / lanes,
        state / n,
        paged > 0 ? " in a mapped file" : "");
  }

  /// Anonymous memory of the process: `RssAnon` at the peak.
  public long anonymous() {
    return weights.held()
        + masters
        + working
        + gradients
        + optimizer
        + lanes * workspace
        + caches
        + runtime;
  }

  /// Pages of the weight file that every step reads: `RssFile` without native libraries.
  public long mapped() {
    return weights.mapped();
  }

  /// All parts by their JSON names.
  public Map<String, Long> values() {
    Map<String, Long> values = new LinkedHashMap<>();
    values.put("weights_mapped", weights.mapped());
    values.put("weights_dense", weights.dense());
    values.put("weights_packed", weights.packed());
    values.put("weights_constants", weights.constants());
    values.put("masters", masters);
    values.put("working", working);
    values.put("gradients", gradients);
    values.put("optimizer", optimizer);
    values.put("optimizer_paged", paged);
    values.put("activations", lanes * pass.saved());
    values.put("head", lanes * pass.head());
    values.put("backward", lanes * pass.backward());
    values.put("workspace", lanes * workspace);
    values.put("caches", caches);
    values.put("runtime", runtime);
    values.put("offloaded", lanes * pass.offloaded());
    values.put("anonymous", anonymous());
    values.put("mapped", mapped());
    return values;
  }
}
