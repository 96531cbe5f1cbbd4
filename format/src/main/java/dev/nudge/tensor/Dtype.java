package dev.nudge.tensor;

/// Names an element type and its size.
public enum Dtype {
  F64(8),
  F32(4),
  F16(2),
  BF16(2),
  I64(8),
  I32(4),
  I16(2),
  I8(1),
  U8(1),
  BOOL(1);

  private final int bytes;

  Dtype(int bytes) {
    this.bytes = bytes;
  }

  /// Bytes of one element.
  public int bytes() {
    return bytes;
  }

  /// Returns whether the type holds real numbers.
  public boolean floating() {
    return this == F64 || this == F32 || this == F16 || this == BF16;
  }

  /// Returns the type of sums over elements of this type: F64 for F64, else F32.
  public Dtype accumulator() {
    return this == F64 ? F64 : F32;
  }
}
