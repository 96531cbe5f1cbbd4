package dev.nudge.plan;

import dev.nudge.model.CausalLm;
import dev.nudge.model.WeightBytes;
import dev.nudge.tensor.Dtype;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/// Bytes of every part of a run at its fullest.
///
/// @param weights the frozen weights
/// @param masters the numbers that the optimiser changes: an adapter's, or the model's own
/// @param working their copies that products read; 0 where they are the masters
/// @param gradients one of each lane
/// @param optimizer the optimiser's state in memory
/// @param paged the optimiser's state in a mapped file that the system may evict
/// @param lanes number of workspaces
/// @param workspace bytes of one lane's workspace
/// @param pass what a workspace holds at its fullest in training
/// @param caches weights kept a second time in the layout of their products
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
    CausalLm.TrainParts pass,
    long caches,
    long runtime) {

  /// Counts `trained` numbers that train.
  static Footprint of(
      WeightBytes weights,
      Dtype compute,
      long trained,
      long optimizer,
      int lanes,
      long workspace,
      CausalLm.TrainParts pass,
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

  /// Bytes of what updates change: masters and the optimiser's state, as a checkpoint holds them.
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

  /// Says what a trained number takes: `22.0 bytes each: master 4.0, copy 2.0, gradients 2 × 4.0,
  /// optimiser 8.0`.
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

  /// Memory that the process holds by itself: what `RssAnon` shows at the peak.
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

  /// Pages of the weights' file that every step reads: what `RssFile` shows, natives apart.
  public long mapped() {
    return weights.mapped();
  }

  /// All parts by their names in JSON.
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
