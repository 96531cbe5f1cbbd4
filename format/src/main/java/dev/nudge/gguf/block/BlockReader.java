package dev.nudge.gguf.block;

import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.nudge.gguf.GgufType;
import java.lang.foreign.MemorySegment;

/// Reads blocks of a type as fp32 numbers.
///
/// Threading: stateless.
public interface BlockReader {
  /// Dequantises consecutive blocks.
  ///
  /// @param from memory with the blocks
  /// @param at offset of the first block, in bytes
  /// @param blocks their number
  /// @param to memory for the numbers, fp32
  /// @param start offset of the first number, in bytes
  void read(MemorySegment from, long at, int blocks, MemorySegment to, long start);

  /// Returns the reader of a type.
  static BlockReader of(GgufType type) {
    return switch (type) {
      case F32 -> new ShortBlocks.F32();
      case F16 -> new ShortBlocks.F16();
      case BF16 -> new ShortBlocks.Bf16();
      case Q4_0 -> new ShortBlocks.NibbleBlocks.Q40();
      case Q4_1 -> new ShortBlocks.NibbleBlocks.Q41();
      case Q5_0 -> new ShortBlocks.NibbleBlocks.Q50();
      case Q5_1 -> new ShortBlocks.NibbleBlocks.Q51();
      case Q8_0 -> new ShortBlocks.Q80();
      case Q2_K -> new KBlocks.Q2();
      case Q3_K -> new KBlocks.Q3();
      case Q4_K -> new KBlocks.Q4();
      case Q5_K -> new KBlocks.Q5();
      case Q6_K -> new KBlocks.Q6();
      case IQ4_NL -> new ShortBlocks.TableBlocks.Nl();
      case IQ4_XS -> new ShortBlocks.TableBlocks.Xs();
    };
  }

  /// Reads the half float at an offset.
  static float half(MemorySegment from, long at) {
    return Float.float16ToFloat(from.get(JAVA_SHORT_UNALIGNED, at));
  }
}
