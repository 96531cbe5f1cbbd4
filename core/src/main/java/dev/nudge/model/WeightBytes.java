package dev.nudge.model;

import dev.nudge.quant.StoredWeight;
import dev.nudge.quant.WeightFormat;
import dev.nudge.tensor.Dtype;
import java.util.Arrays;
import java.util.Map;
import java.util.function.Function;

/// Bytes of a model's weights by where they lie and in which form.
///
/// @param mapped read in place from the file: pages that the system may drop and read again
/// @param dense held in memory in the compute type, because they are stored in another
/// @param packed codes of quantised weights in memory
/// @param constants their scales in memory
public record WeightBytes(long mapped, long dense, long packed, long constants) {
  /// Counts a model.
  ///
  /// @param tensors name → shape of those that are frozen
  /// @param q how the layers' matrices are held
  /// @param inFile whether they are stored so, and read in place
  /// @param stored the type of each other tensor in its file
  public static WeightBytes of(
      Map<String, long[]> tensors,
      Dtype compute,
      Quantization q,
      boolean inFile,
      Function<String, Dtype> stored) {
    long mapped = 0;
    long dense = 0;
    long packed = 0;
    long constants = 0;
    for (Map.Entry<String, long[]> tensor : tensors.entrySet()) {
      long[] shape = tensor.getValue();
      long inCompute = compute.bytes() * Arrays.stream(shape).reduce(1, (a, b) -> a * b);
      WeightFormat format = q.format(tensor.getKey(), shape);
      if (format != null) {
        StoredWeight weight = format.dry((int) shape[0], (int) shape[1]);
        long codes = weight.parts().getFirst().bytes();
        mapped += inFile ? weight.bytes() : 0;
        packed += inFile ? 0 : codes;
        constants += inFile ? 0 : weight.bytes() - codes;
      } else if (stored.apply(tensor.getKey()) == compute) {
        mapped += inCompute;
      } else {
        dense += inCompute;
      }
    }
    return new WeightBytes(mapped, dense, packed, constants);
  }

  /// The bytes with more of them in memory, in the compute type.
  public WeightBytes plusDense(long bytes) {
    return new WeightBytes(mapped, dense + bytes, packed, constants);
  }

  /// Bytes held in memory of the process, and lost to everything else.
  public long held() {
    return dense + packed + constants;
  }
}
