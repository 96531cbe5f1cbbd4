package dev.nudge.plan;

import dev.nudge.kernel.Nf4;
import dev.nudge.model.Quantization;
import dev.nudge.quant.Nf4Weight;
import dev.nudge.tensor.Dtype;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;

/// Bytes of the frozen weights by where they lie and in which form.
///
/// @param mapped read in place from the file: pages that the system may drop and read again
/// @param dense held in memory in the compute type, because they are stored in another
/// @param packed held in memory in 4 bit
/// @param constants of the packed ones: their blocks' scales
public record Weights(long mapped, long dense, long packed, long constants) {
  /// Counts a model by its shape.
  ///
  /// @param tensors name → shape of those that are frozen
  /// @param q how the layers' matrices are held
  /// @param inFile whether they are stored so, and read in place
  /// @param stored the type of each other tensor in its file
  public static Weights of(
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
      long n = 1;
      for (long side : tensor.getValue()) {
        n *= side;
      }
      if (q.holds(tensor.getKey(), tensor.getValue())) {
        long bytes = Nf4Weight.bytes(n, q.doubleQuant());
        mapped += inFile ? bytes : 0;
        packed += inFile ? 0 : Nf4.bytes(n);
        constants += inFile ? 0 : bytes - Nf4.bytes(n);
      } else if (stored.apply(tensor.getKey()) == compute) {
        mapped += n * compute.bytes();
      } else {
        dense += n * compute.bytes();
      }
    }
    return new Weights(mapped, dense, packed, constants);
  }

  /// Held in memory of the process, and lost to everything else.
  public long anonymous() {
    return dense + packed + constants;
  }

  /// The parts by their names in JSON.
  Map<String, Long> values() {
    Map<String, Long> values = new LinkedHashMap<>();
    values.put("weights_mapped", mapped);
    values.put("weights_dense", dense);
    values.put("weights_packed", packed);
    values.put("weights_constants", constants);
    return values;
  }
}
