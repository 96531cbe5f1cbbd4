package dev.nudge.adapter;

import dev.nudge.nn.Norm;
import dev.nudge.nn.Parameter;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A norm that an adapter replaces whole (`modules_to_save`).
record WholeNorm(
    String path,
    Norm norm,
    Tensor base,
    @Nullable Parameter before,
    Parameter weight,
    ParameterMemory room)
    implements Placement {

  static WholeNorm of(String path, Norm norm, ParameterMemory room, Source source) {
    Tensor base = norm.weight();
    Parameter weight = room.vector(PeftFiles.nameOfWeight(path), base.cols());
    if (!room.dry()) {
      Tensor stored = source.weight(path);
      ParameterMemory.copy(stored == null ? base : stored, weight.master());
      ParameterMemory.round(weight);
    }
    return new WholeNorm(path, norm, base, norm.trained(), weight, room);
  }

  @Override
  public boolean free() {
    return norm.weight() == base;
  }

  @Override
  public boolean there() {
    return norm.weight() == weight.work();
  }

  @Override
  public void put() {
    norm.set(weight.work(), room.trains() ? weight : null);
  }

  @Override
  public void remove() {
    norm.set(base, before);
  }

  @Override
  public List<Parameter> parameters() {
    return List.of(weight);
  }

  @Override
  public Map<String, Tensor> tensors(Scope scope) {
    return Map.of(weight.name(), weight.master().reshaped(weight.elements()));
  }
}
