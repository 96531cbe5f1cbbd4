package dev.nudge.model;

/// Bytes of a model's weights by where they lie and in which form.
///
/// @param mapped read in place from the file
/// @param dense converted into the compute type in memory
/// @param packed codes of NF4 in memory
/// @param constants scales of NF4 in memory
public record WeightBytes(long mapped, long dense, long packed, long constants) {
  /// Bytes in memory of the process.
  public long held() {
    return dense + packed + constants;
  }
}
