package dev.nudge.quant;

import dev.nudge.format.Entry;
import dev.nudge.format.SafeTensorsWriter;
import dev.nudge.kernel.Kernels;
import dev.nudge.settings.verb.Quantize;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A format to which `--quantize`, `quantize` and `merge` can quantise dense weights.
public interface WritableFormat extends WeightFormat {
  /// The value of `--quantize` for this format; further settings have the keys of [#variant].
  Quantize method();

  /// The flags for this format, for messages.
  default String flags() {
    return "--quantize " + method().shown();
  }

  /// Bytes of temporary memory for quantising a weight of `n` numbers.
  default long room(long n) {
    return 0;
  }

  /// Quantises a contiguous matrix of any float type but F64.
  ///
  /// @param scope owns the weight
  /// @param room temporary memory of as many bytes as [#room] returns
  StoredWeight make(Tensor dense, Scope scope, Kernels kernels, MemorySegment room);

  /// The tensors to write for a layer; null if they depend on the numbers of its weight.
  ///
  /// @param before the type of the numbers before quantisation
  @Nullable Layer layer(String path, int rows, int cols, Dtype before);

  /// The tensors to write for a layer whose weight is quantised.
  Layer layer(String path, Dtype before, StoredWeight made);

  /// The `quantization_config` of a folder in this format.
  ///
  /// @param compute the compute type to declare
  /// @param skipped modules that stay dense; null: the format's default
  Map<String, @Nullable Object> config(Dtype compute, @Nullable List<String> skipped);

  /// The tensors of one layer in a file, and how they are written.
  interface Layer {
    /// Names, types and shapes, which a writer needs before the data.
    List<Entry> entries();

    /// Writes the tensors.
    void write(SafeTensorsWriter file, StoredWeight weight);
  }
}
