package dev.nudge.model;

import dev.nudge.quant.StoredWeight;
import dev.nudge.quant.WeightFormat;
import dev.nudge.quant.WeightFormats;
import dev.nudge.tensor.Dtype;
import java.util.Arrays;
import java.util.Map;
import java.util.function.Predicate;

/// Bytes of a model's weights, by location and form.
///
/// @param mapped read in place from the file: pages that the system may evict and read again
/// @param dense held in memory in the compute type, because they are stored in another type
/// @param packed codes of quantised weights in memory
/// @param constants scales of quantised weights in memory
public record WeightBytes(long mapped, long dense, long packed, long constants) {
  /// Counts the bytes of a model's weights.
  ///
  /// @param tensors name → shape of the frozen tensors
  /// @param q how the layers' matrices are held
  /// @param inFile whether quantised layers are stored as `q` says
  /// @param inPlace whether other tensors are read in place
  public static WeightBytes of(
      Map<String, long[]> tensors,
      Dtype compute,
      Quantization q,
      boolean inFile,
      Predicate<String> inPlace) {
    long mapped = 0;
    long dense = 0;
    long packed = 0;
    long constants = 0;
    for (Map.Entry<String, long[]> tensor : tensors.entrySet()) {
      long[] shape = tensor.getValue();
      long inCompute = compute.bytes() * Arrays.stream(shape).reduce(1, (a, b) -> a * b);
      WeightFormat format = q.format(tensor.getKey(), shape);
      if (format != null) {
        StoredWeight weight =
            format.dry(WeightFormats.module(tensor.getKey()), (int) shape[0], (int) shape[1]);
        long codes = weight.parts().getFirst().bytes();
        boolean there = inFile && format.inPlace();
        mapped += there ? weight.bytes() : 0;
        packed += there ? 0 : codes;
        constants += there ? 0 : weight.bytes() - codes;
      } else if (inPlace.test(tensor.getKey())) {
        mapped += inCompute;
      } else {
        dense += inCompute;
      }
    }
    return new WeightBytes(mapped, dense, packed, constants);
  }

  /// Returns these counts with `bytes` more of dense weights.
  public WeightBytes plusDense(long bytes) {
    return new WeightBytes(mapped, dense + bytes, packed, constants);
  }

  /// Bytes in the process's own (anonymous) memory: all but the mapped file.
  public long held() {
    return dense + packed + constants;
  }
}
