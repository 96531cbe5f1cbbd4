package dev.nudge.plan;

import java.util.LinkedHashMap;
import java.util.Map;

/// Bytes of the frozen weights by where they lie and in which form.
///
/// @param mapped read in place from the file: pages that the system may drop and read again
/// @param dense held in memory in the compute type, because they are stored in another
/// @param packed held in memory in 4 bit
/// @param constants of the packed ones: their blocks' scales
public record Weights(long mapped, long dense, long packed, long constants) {
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
