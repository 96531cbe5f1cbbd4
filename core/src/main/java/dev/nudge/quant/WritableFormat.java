package dev.nudge.quant;

import dev.nudge.format.Entry;
import dev.nudge.format.SafeTensorsWriter;
import dev.nudge.kernel.Kernels;
import dev.nudge.settings.Quantize;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A format that dense weights can be made into, by `--quantize`, `quantize` and `merge`.
public interface WritableFormat extends WeightFormat {
  /// The value of `--quantize` that asks for it; further settings have the keys of [#variant].
  Quantize method();

  /// The flags that ask for it, for messages.
  default String flags() {
    return "--quantize " + method().shown();
  }

  /// Bytes that are needed beside a weight of `n` numbers while it is made.
  default long room(long n) {
    return 0;
  }

  /// Makes a weight of a contiguous matrix of any float type but F64.
  ///
  /// @param scope owns the weight
  /// @param room of so many bytes as [#room] says
  StoredWeight make(Tensor dense, Scope scope, Kernels kernels, MemorySegment room);

  /// How a layer is written; null where that depends on the numbers of its weight.
  ///
  /// @param before the type that the numbers had
  @Nullable Layer layer(String path, int rows, int cols, Dtype before);

  /// How the layer of a weight that is made is written.
  Layer layer(String path, Dtype before, StoredWeight made);

  /// The `quantization_config` of a folder in this format.
  ///
  /// @param compute the type in which it is meant to compute
  /// @param skipped modules that stay dense; null: the usual ones
  Map<String, @Nullable Object> config(Dtype compute, @Nullable List<String> skipped);

  /// The tensors of one layer in a file.
  interface Layer {
    /// What a writer must be told before it begins.
    List<Entry> entries();

    /// Writes the tensors.
    void write(SafeTensorsWriter file, StoredWeight weight);
  }
}
