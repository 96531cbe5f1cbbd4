package dev.nudge.format;

import dev.nudge.tensor.Dtype;
import org.jspecify.annotations.Nullable;

/// Element types of safetensors, under its names and in the official library's order: its writer
/// sorts tensors by type, the last type first.
///
/// A file may hold any of them. Only types with a [#dtype] can become a tensor; tensors of other
/// types can be copied as bytes.
public enum StoredType {
  BOOL(8, Dtype.BOOL),
  F4(4, null),
  F6_E2M3(6, null),
  F6_E3M2(6, null),
  U8(8, Dtype.U8),
  I8(8, Dtype.I8),
  F8_E5M2(8, null),
  F8_E4M3(8, null),
  F8_E8M0(8, null),
  F8_E4M3FNUZ(8, null),
  F8_E5M2FNUZ(8, null),
  I16(16, Dtype.I16),
  U16(16, null),
  F16(16, Dtype.F16),
  BF16(16, Dtype.BF16),
  I32(32, Dtype.I32),
  U32(32, null),
  F32(32, Dtype.F32),
  C64(64, null),
  F64(64, Dtype.F64),
  I64(64, Dtype.I64),
  U64(64, null);

  private final int bits;
  private final @Nullable Dtype dtype;

  StoredType(int bits, @Nullable Dtype dtype) {
    this.bits = bits;
    this.dtype = dtype;
  }

  /// Returns the stored type of a tensor's element type.
  public static StoredType of(Dtype dtype) {
    for (StoredType type : values()) {
      if (type.dtype == dtype) {
        return type;
      }
    }
    throw new IllegalArgumentException(dtype + " has no type in safetensors");
  }

  /// Bits of one element; less than 8 for packed types.
  public int bits() {
    return bits;
  }

  /// Returns the element type of a tensor; null if a tensor cannot have it.
  public @Nullable Dtype dtype() {
    return dtype;
  }
}
