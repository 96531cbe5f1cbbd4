package dev.nudge.model;

import dev.nudge.nn.Linear;
import dev.nudge.nn.Parameter;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The weights of a model by their names in the checkpoint, in the form in which they compute.
interface WeightSource {
  /// Tells of a tensor that will be asked for.
  default void expect(String name, long... shape) {}

  /// A tensor of [ModelConfig#tensors] in the compute type.
  Tensor tensor(String name);

  /// The parameter that a tensor is; null where it is frozen.
  default @Nullable Parameter parameter(String name) {
    return null;
  }

  /// The layer at a path, as it computes.
  ///
  /// @param bias (1, out) in the compute type
  Linear linear(String weight, @Nullable Tensor bias);

  /// The memory of the weights whose names begin so, where it is a mapped file.
  default List<MemorySegment> mapped(String prefix) {
    return List.of();
  }

  /// Writes the numbers of a tensor of a name.
  interface Fill {
    void fill(Tensor tensor, String name);
  }
}
