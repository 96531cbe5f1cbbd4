package dev.nudge.adapter;

import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Parameter;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A LoRA update of a linear layer or the output head.
record LoraPlace(LinearSlot slot, Linear base, LoraLinear made, Parameter a, Parameter b)
    implements InSlot {

  /// Makes the LoRA layer for a slot, without putting it there.
  ///
  /// @param base the layer that the LoRA layer wraps
  static LoraPlace of(
      LinearSlot slot, Linear base, Lora spec, double scale, ParameterMemory room, Source source) {
    String path = slot.path();
    int rank = spec.rank(path);
    Parameter a = room.parameter(PeftFiles.nameOfA(path), rank, base.in());
    Parameter b = room.parameter(PeftFiles.nameOfB(path), base.out(), rank);
    if (!room.dry()) {
      source.linear(path, a.master(), b.master());
      ParameterMemory.round(a);
      ParameterMemory.round(b);
    }
    LoraLinear adapted = LoraLinear.of(base, a, b, scale * spec.scaling(path), spec.dropout());
    return new LoraPlace(slot, base, adapted, a, b);
  }

  @Override
  public List<Parameter> parameters() {
    return List.of(a, b);
  }

  @Override
  public Map<String, Tensor> tensors(Scope scope) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put(a.name(), a.master());
    tensors.put(b.name(), b.master());
    return tensors;
  }
}
