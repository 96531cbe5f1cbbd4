package dev.nudge.gguf.block;

import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.nudge.gguf.GgufType;
import java.lang.foreign.MemorySegment;

/// Reads blocks of a type as fp32 numbers.
///
/// Threading: stateless.
public interface BlockReader {
  /// Reads blocks that lie one behind the other.
  ///
  /// @param from holds the blocks
  /// @param at offset of the first, in bytes
  /// @param blocks their number
  /// @param to receives the numbers, fp32
  /// @param start offset of the first, in bytes
  void read(MemorySegment from, long at, int blocks, MemorySegment to, long start);

  /// The reader of a type.
  static BlockReader of(GgufType type) {
    return switch (type) {
      case F32 -> new FloatBlocks.F32();
      case F16 -> new FloatBlocks.F16();
      case BF16 -> new FloatBlocks.Bf16();
      case Q4_0 -> new NibbleBlocks.Q40();
      case Q4_1 -> new NibbleBlocks.Q41();
      case Q5_0 -> new NibbleBlocks.Q50();
      case Q5_1 -> new NibbleBlocks.Q51();
      case Q8_0 -> new ByteBlocks();
      case Q2_K -> new TwoBitBlocks();
      case Q3_K -> new ThreeBitBlocks();
      case Q4_K -> new FourBitBlocks();
      case Q5_K -> new FiveBitBlocks();
      case Q6_K -> new SixBitBlocks();
      case IQ4_NL -> new TableBlocks.Nl();
      case IQ4_XS -> new TableBlocks.Xs();
    };
  }

  /// The half float at an offset.
  static float half(MemorySegment from, long at) {
    return Float.float16ToFloat(from.get(JAVA_SHORT_UNALIGNED, at));
  }
}
