package dev.nudge.adapter;

import dev.nudge.kernel.Kernels;
import dev.nudge.nn.DenseLinear;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.TrainedLinear;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A linear layer of a decoder layer that an adapter replaces whole (`modules_to_save`).
record WholeLinear(
    LinearSlot slot, Linear base, Linear made, Parameter weight, @Nullable Parameter bias)
    implements SlotPlacement {

  /// @throws InputException if the module is to train and the model holds it quantised
  static WholeLinear of(LinearSlot slot, ParameterMemory room, Source source) {
    String path = slot.path();
    Linear base = slot.linear();
    Parameter weight = room.parameter(PeftFiles.nameOfWeight(path), base.out(), base.in());
    Tensor given = base.bias();
    Parameter bias = given == null ? null : room.vector(PeftFiles.nameOfBias(path), base.out());
    if (!room.dry()) {
      Tensor stored = source.weight(path);
      ParameterMemory.copy(stored == null ? own(base, path) : stored, weight.master());
      ParameterMemory.round(weight);
      if (bias != null && given != null) {
        Tensor storedBias = source.bias(path);
        ParameterMemory.copy(storedBias == null ? given : storedBias, bias.master());
        ParameterMemory.round(bias);
      }
    } else if (room.trains()) {
      own(base, path);
    }
    Linear dense = DenseLinear.of(weight.work(), bias == null ? null : bias.work());
    Linear whole = room.trains() ? TrainedLinear.of(dense, weight, bias) : dense;
    return new WholeLinear(slot, base, whole, weight, bias);
  }

  private static Tensor own(Linear base, String path) {
    try (Workspace none = Workspace.measuring()) {
      Tensor weight = base.weight(none, Kernels.fastest().dry());
      if (none.peak() > 0) {
        throw new InputException(
            "%s is quantised to 4 bits, but modules trained whole (--modules-to-save, or modules_to_save of the adapter) must be dense; drop that, or --quantize"
                .formatted(path));
      }
      return weight;
    }
  }

  @Override
  public List<Parameter> parameters() {
    List<Parameter> all = new ArrayList<>(List.of(weight));
    if (bias != null) {
      all.add(bias);
    }
    return all;
  }

  @Override
  public Map<String, Tensor> tensors(Scope scope) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put(weight.name(), weight.master());
    if (bias != null) {
      tensors.put(bias.name(), bias.master().reshaped(bias.elements()));
    }
    return tensors;
  }
}
