package dev.nudge.nn;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Packed;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Caches the packed weights of frozen layers between prefill passes.
///
/// Without the cache a pass over 16 prompt tokens dequantises and packs every weight, as for 512
/// tokens. A product is bit-identical with a cached and a new factor. The first pass caches
/// nothing: a process with a single prompt would gain nothing.
///
/// Threading: one thread runs passes and closes.
public final class KeptFactors implements AutoCloseable {
  private final Map<Linear, @Nullable Packed> factors = new HashMap<>(); // by identity of layers
  private final Scope scope = Scope.open("packed weights of prompts");
  private int passes;

  /// @param layers with constant weights
  public KeptFactors(Collection<Linear> layers) {
    layers.forEach(layer -> factors.put(layer, null));
  }

  /// Returns a factor's bytes.
  public static long bytes(Linear layer, Dtype compute) {
    return Packed.bytes(compute, layer.in(), layer.out());
  }

  /// Begins a pass.
  public void begin() {
    passes++;
  }

  /// Returns a layer's factor (in, out); null: not cached.
  ///
  /// @param weight supplies the weight (out, in), possibly in the workspace
  @Nullable Packed of(Linear layer, Supplier<Tensor> weight, Workspace ws) {
    Packed kept = factors.get(layer);
    if (kept != null || passes < 2 || !factors.containsKey(layer)) {
      return kept;
    }
    int mark = ws.mark();
    Tensor factor = weight.get().transposed();
    Tensor room =
        scope.tensor(factor.dtype(), Packed.padded(layer.in()), Packed.padded(layer.out()));
    kept = ws.gemm().pack(factor, room);
    ws.release(mark);
    factors.put(layer, kept);
    return kept;
  }

  @Override
  public void close() {
    scope.close();
  }
}
