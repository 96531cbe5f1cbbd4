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

/// The packed weights of frozen layers, kept from one prefill pass to the next.
///
/// Without them a pass over a prompt of 16 tokens dequantises and packs every weight, as one over
/// 512 tokens does. A product has the same bits with a kept factor as with one that is made anew.
/// The first pass keeps nothing: a process that reads a single prompt gains nothing by it.
///
/// Threading: one thread runs passes and closes.
public final class KeptFactors implements AutoCloseable {
  private final Map<Linear, @Nullable Packed> factors = new HashMap<>(); // by identity of layers
  private final Scope scope = Scope.open("packed weights of prompts");
  private int passes;

  /// @param layers whose weights never change
  public KeptFactors(Collection<Linear> layers) {
    layers.forEach(layer -> factors.put(layer, null));
  }

  /// Bytes of a layer's factor.
  public static long bytes(Linear layer, Dtype compute) {
    return Packed.bytes(compute, layer.in(), layer.out());
  }

  /// Says that a pass begins.
  public void begin() {
    passes++;
  }

  /// The factor (in, out) of a layer; null if there is none.
  ///
  /// @param weight makes the weight (out, in), in the workspace or elsewhere
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
