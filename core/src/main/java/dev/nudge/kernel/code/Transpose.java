package dev.nudge.kernel.code;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.nudge.kernel.code.Assembler.Memory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// Transposes dwords in vector registers: it swaps each bit of the register number with the same
/// bit of the lane number, one after another.
///
/// A swap of bit b, for two registers whose numbers differ only in b:
/// ```
/// vmovups   t, [picks]       lane l of the lower one, or l − b of the upper one where l has b
/// vpermi2ps t, lower, upper
/// vmovups   u, [picks + 64]  lane l of the upper one, or l + b of the lower one where l lacks b
/// vpermi2ps u, lower, upper
/// ```
final class Transpose {
  /// The picks of each bit, then those of [#pairsOfRows]; r8 is their address.
  static final MemorySegment PICKS = picks();

  private static final int LANES = 16;
  private static final int PAIRS = 8 * 64; // offset of the last picks

  private Transpose() {}

  private static MemorySegment picks() {
    MemorySegment picks = Arena.global().allocate(9 * 64, 64);
    for (int lane = 0; lane < LANES; lane++) {
      for (int i = 0; i < 4; i++) {
        int bit = 1 << i;
        boolean has = (lane & bit) != 0;
        picks.setAtIndex(JAVA_INT, 32L * i + lane, has ? LANES + lane - bit : lane);
        picks.setAtIndex(JAVA_INT, 32L * i + LANES + lane, has ? LANES + lane : lane + bit);
      }
      picks.setAtIndex(JAVA_INT, PAIRS / 4 + lane, (lane & 1) << 3 | lane >> 1);
    }
    return picks;
  }

  /// Transposes 16 rows, or 8 × 8 in both halves of 8 rows.
  ///
  /// @param rows 16 or 8 register numbers; replaced by those that hold the columns
  /// @param free numbers of two registers, replaced by two that are free afterwards
  static void rows(Assembler a, int[] rows, int[] free, int picks) {
    for (int i = Integer.numberOfTrailingZeros(rows.length) - 1; i >= 0; i--) {
      int bit = 1 << i;
      for (int low = 0; low < rows.length; low++) {
        int high = low + bit;
        if ((low & bit) == 0) {
          for (int j = 0; j < 2; j++) {
            a.vmovups(free[j], Memory.at(picks, 128 * i + 64 * j));
            a.vpermi2ps(free[j], rows[low], rows[high]);
          }
          int[] old = {rows[low], rows[high]};
          rows[low] = free[0];
          rows[high] = free[1];
          free[0] = old[0];
          free[1] = old[1];
        }
      }
    }
  }

  /// Transposes 16 rows of 8 dwords, two rows a register.
  static void pairsOfRows(Assembler a, int[] rows, int[] free, int picks) {
    rows(a, rows, free, picks);
    a.vmovups(free[0], Memory.at(picks, PAIRS));
    for (int column : rows) {
      a.vpermps(column, free[0], column);
    }
  }
}
