package dev.nudge.adapter;

import dev.nudge.machine.Backend;
import dev.nudge.nn.DenseLinear;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Parameter;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.List;
import java.util.Map;

/// A linear layer whose update is merged into a weight of its own, beside the base's, summed in
/// fp32 and rounded once to the compute type.
record MergedPlace(LinearSlot slot, Linear base, Linear made) implements InSlot {
  private static final long TILE = 1 << 20; // bytes of rows that are summed at once

  /// @param layer the base with the update
  /// @param scope owns the weight
  static MergedPlace of(
      LinearSlot slot, Linear base, AdaptedLinear layer, Backend backend, Scope scope) {
    Tensor weight = scope.tensor(backend.compute(), base.out(), base.in());
    int tile = layer.rowsOf(TILE, Dtype.F32);
    long bytes;
    try (Workspace dry = Workspace.measuring()) {
      var _ = layer.merged(0, tile, dry, backend.kernels().dry());
      bytes = dry.peak();
    }
    try (Workspace ws = new Workspace(0, bytes, backend.gemms().apply(1))) {
      for (int from = 0, to; from < base.out(); from = to) {
        to = Math.min(base.out(), from + tile);
        ws.reset();
        ParameterMemory.copy(layer.merged(from, to, ws, backend.kernels()), weight.rows(from, to));
      }
    }
    Tensor sum = layer.mergedBias(scope);
    Tensor bias = base.bias();
    if (sum != null) {
      bias = scope.tensor(backend.compute(), 1, base.out());
      ParameterMemory.copy(sum, bias);
    }
    return new MergedPlace(slot, base, DenseLinear.of(weight, bias));
  }

  @Override
  public List<Parameter> parameters() {
    return List.of();
  }

  @Override
  public Map<String, Tensor> tensors(Scope scope) {
    return Map.of();
  }
}
