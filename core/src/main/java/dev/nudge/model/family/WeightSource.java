package dev.nudge.model.family;

import dev.nudge.nn.LookupLinear;
import dev.nudge.nn.Parameter;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Supplies a model's weights by tensor name, in their compute form.
public interface WeightSource {
  /// Announces a tensor that will be requested.
  default void expect(String name, long... shape) {}

  /// A tensor of [ModelConfig#tensors] in the compute type.
  Tensor tensor(String name);

  /// The parameter of a trainable tensor; null if the tensor is frozen.
  default @Nullable Parameter parameter(String name) {
    return null;
  }

  /// The linear layer with this weight, or the table of an embedding, dense or quantised.
  ///
  /// @param bias (1, out) in the compute type
  LookupLinear linear(String weight, @Nullable Tensor bias);

  /// The mapped memory of the weights with a name prefix; empty without a mapped file.
  default List<MemorySegment> mapped(String prefix) {
    return List.of();
  }

  /// Fills the tensor of a name.
  interface Fill {
    void fill(Tensor tensor, String name);
  }
}
