package dev.nudge.gguf;

import org.jspecify.annotations.Nullable;

/// How a GGUF tensor stores its numbers: in blocks along a row, each of a few scales and codes.
///
/// Types are those of ggml, under its names and numbers; a block of a float type is one number.
public enum GgufType {
  F32(0, 1, 4),
  F16(1, 1, 2),
  Q4_0(2, 32, 18),
  Q4_1(3, 32, 20),
  Q5_0(6, 32, 22),
  Q5_1(7, 32, 24),
  Q8_0(8, 32, 34),
  Q2_K(10, 256, 84),
  Q3_K(11, 256, 110),
  Q4_K(12, 256, 144),
  Q5_K(13, 256, 176),
  Q6_K(14, 256, 210),
  IQ4_NL(20, 32, 18),
  IQ4_XS(23, 256, 136),
  BF16(30, 1, 2);

  private final int number;
  private final int block;
  private final int blockBytes;

  GgufType(int number, int block, int blockBytes) {
    this.number = number;
    this.block = block;
    this.blockBytes = blockBytes;
  }

  /// Returns the type with ggml's number; null: unknown.
  public static @Nullable GgufType of(int number) {
    for (GgufType type : values()) {
      if (type.number == number) {
        return type;
      }
    }
    return null;
  }

  /// Returns ggml's number, which files store.
  public int number() {
    return number;
  }

  /// Returns the elements per block.
  public int block() {
    return block;
  }

  /// Returns the bytes per block.
  public int blockBytes() {
    return blockBytes;
  }

  /// Whether this is a float type, with one element per block.
  public boolean isFloat() {
    return block == 1;
  }

  /// Returns the bytes of a row.
  ///
  /// @param cols a multiple of [#block]
  public long rowBytes(long cols) {
    return cols / block * blockBytes;
  }
}
