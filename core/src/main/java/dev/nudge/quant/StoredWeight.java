package dev.nudge.quant;

import dev.nudge.nn.StoredLinear;
import dev.nudge.tensor.Tensor;
import java.util.List;

/// A weight in a storage format other than the compute type, made of several tensors.
///
/// Threading: immutable; a scope or the mapped file owns the bytes.
public interface StoredWeight extends StoredLinear.Source {
  /// The tensors of the weight, codes first.
  List<Tensor> parts();

  /// Bytes of all parts.
  default long bytes() {
    return parts().stream().mapToLong(Tensor::bytes).sum();
  }
}
