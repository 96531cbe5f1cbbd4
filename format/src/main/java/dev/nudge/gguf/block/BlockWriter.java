package dev.nudge.gguf.block;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.nudge.gguf.GgufType;
import java.lang.foreign.MemorySegment;

/// Quantises fp32 numbers into blocks of a type.
///
/// Types with blocks of 32 numbers get the same bytes as from the `gguf` package. K-types search
/// their scales ([KWriters]).
///
/// Threading: stateless.
public interface BlockWriter {
  /// Writes consecutive blocks.
  ///
  /// @param from memory with the numbers, fp32
  /// @param at offset of the first number, in bytes
  /// @param blocks their number
  /// @param to memory for the blocks
  /// @param start offset of the first block, in bytes
  void write(MemorySegment from, long at, int blocks, MemorySegment to, long start);

  /// Returns the writer of a type.
  ///
  /// @throws IllegalArgumentException if the type is read-only
  static BlockWriter of(GgufType type) {
    return switch (type) {
      case F32 -> new ShortWriters.F32();
      case F16 -> new ShortWriters.F16();
      case BF16 -> new ShortWriters.UpperHalf();
      case Q8_0 -> new ShortWriters.Q80();
      case Q4_0 -> ShortWriters.NibbleWriter.centred(4);
      case Q4_1 -> ShortWriters.NibbleWriter.raised(4);
      case Q5_0 -> ShortWriters.NibbleWriter.centred(5);
      case Q5_1 -> ShortWriters.NibbleWriter.raised(5);
      case Q4_K -> new KWriters.GroupWriter(4);
      case Q5_K -> new KWriters.GroupWriter(5);
      case Q6_K -> new KWriters.SixBitWriter();
      case Q2_K, Q3_K, IQ4_NL, IQ4_XS ->
          throw new IllegalArgumentException(type + " is read, not written");
    };
  }

  /// Copies a block's numbers into an array.
  static void load(MemorySegment from, long at, float[] to) {
    MemorySegment.copy(from, JAVA_FLOAT_UNALIGNED, at, to, 0, to.length);
  }

  /// Writes a half float and returns its value.
  static float half(MemorySegment to, long at, float value) {
    short half = Float.floatToFloat16(value);
    to.set(JAVA_SHORT_UNALIGNED, at, half);
    return Float.float16ToFloat(half);
  }
}
