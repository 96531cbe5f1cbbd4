package dev.nudge.kernel.code;

import static dev.nudge.kernel.code.Assembler.EQUAL;
import static dev.nudge.kernel.code.Assembler.R12;
import static dev.nudge.kernel.code.Assembler.R8;
import static dev.nudge.kernel.code.Assembler.R9;
import static dev.nudge.kernel.code.Assembler.RAX;
import static dev.nudge.kernel.code.Assembler.RDI;
import static dev.nudge.kernel.code.Assembler.RSI;

import dev.nudge.kernel.Mxfp4;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.kernel.code.Assembler.Memory;

/// Computes dot products of grouped 4-bit weight rows with paired rows of x.
///
/// As in [DotNf4], a group's sixteen values are computed once; codes index them:
/// ```
/// vsubps z0, z31, zero       z31 are 0 to 15
/// vmulps z0, z0, scale       then rounded as there
/// ```
/// [GroupPairs] writes scales and zeros in pairs. A round is a group of one or more blocks of 64
/// numbers, an inner loop, or a block of two groups of 32. Lower half bytes are even numbers.
///
/// MXFP4's values are a scale times its sixteen levels (z31), exact in bf16; a round is half a
/// block.
final class DotGrouped {
  private static final int BLOCK = 64;
  private static final int CODES = 31; // registers
  private static final int ROUND = 30;
  private static final int FREE = 28;
  private static final int TABLES = 24; // of up to four weight rows

  private final Frame f;
  private final Assembler a;

  private DotGrouped(int group, int rows) {
    this.f = new Frame(group, rows);
    this.a = f.a;
  }

  /// Returns whether machine code supports a weight: every group is half a block or whole blocks.
  static boolean takes(SkinnyProduct.Grouped w) {
    return w.bits() == 4
        && w.cols() > 0
        && w.cols() % BLOCK == 0
        && w.group() >= BLOCK / 2
        && Integer.bitCount(w.group()) == 1
        && w.cols() % w.group() == 0
        && w.codes().rowStride() == w.cols() / 2
        && w.codes().data().isNative()
        && w.scales().data().isNative()
        && w.zeros().data().isNative();
  }

  /// True if two groups share a block.
  static boolean isSmall(SkinnyProduct.Grouped w) {
    return w.group() < BLOCK;
  }

  /// Rounds of a row.
  static int rounds(SkinnyProduct.Grouped w) {
    return w.cols() / Math.max(BLOCK, w.group());
  }

  /// Blocks of a round.
  static int blocks(SkinnyProduct.Grouped w) {
    return Math.max(1, w.group() / BLOCK);
  }

  /// The machine code for MXFP4.
  static byte[] powers(int group, int rows) {
    return new DotGrouped(group, rows).powers();
  }

  private byte[] powers() {
    return f.write(
        () -> a.vmovups(CODES, Memory.at(R9, Shape.LEVELS)),
        () -> {
          a.mov(RAX, Memory.at(R9, Shape.ROUNDS));
          int round = a.here();
          for (int w = 0; w < f.group; w++) {
            a.vmulpsBroadcast(TABLES + w, CODES, f.scale(w, 0));
          }
          half(0);
          next(Mxfp4.BLOCK);
          a.add(R8, 4);
          a.sub(RAX, 1);
          a.jumpIf(EQUAL ^ 1, round);
        });
  }

  /// @param small whether two groups share a block
  static byte[] code(boolean small, int group, int rows) {
    return new DotGrouped(group, rows).code(small);
  }

  private byte[] code(boolean small) {
    return f.write(
        () -> {
          a.vmovups(CODES, Memory.at(R9, Shape.LEVELS));
          a.mov(RAX, Memory.at(R9, Shape.ROUND));
          a.vpbroadcastd(ROUND, RAX);
        },
        () -> {
          a.mov(RAX, Memory.at(R9, Shape.ROUNDS));
          int round = a.here();
          if (small) {
            for (int half = 0; half < 2; half++) {
              tables(GroupPairs.BYTES * half);
              half(half);
            }
            next(BLOCK);
          } else {
            tables(0);
            a.push(RAX);
            a.mov(RAX, Memory.at(R9, Shape.BLOCKS));
            int block = a.here();
            half(0);
            half(1);
            next(BLOCK);
            a.sub(RAX, 1);
            a.jumpIf(EQUAL ^ 1, block);
            a.pop(RAX);
          }
          a.add(R8, small ? 2 * GroupPairs.BYTES : GroupPairs.BYTES);
          a.sub(RAX, 1);
          a.jumpIf(EQUAL ^ 1, round);
        });
  }

  private void tables(int pair) {
    for (int w = 0; w < f.group; w++) {
      a.vsubpsBroadcast(0, CODES, f.scale(w, pair + GroupPairs.ZERO));
      a.vmulpsBroadcast(0, 0, f.scale(w, pair));
      a.vmulps(1, 0, ROUND);
      a.vsubps(2, 1, 0);
      a.vsubps(TABLES + w, 1, 2);
    }
  }

  /// Multiplies half a block, 16 bytes.
  private void half(int half) {
    for (int w = 0; w < f.group; w++) {
      if (half == 0) {
        a.prefetcht0(f.next(w, 0));
      }
      a.vpmovzxbd(w, f.weight(w, 16 * half));
      a.vpsrld(4 + w, Frame.zmm(w), 4);
      a.vpermps(w, w, TABLES + w);
      a.vpermps(4 + w, 4 + w, TABLES + w);
    }
    f.multiply(true, 0, 128 * half, FREE);
    f.multiply(false, 4, 128 * half + 64, FREE);
  }

  private void next(int numbers) {
    a.add(RDI, numbers / 2);
    a.add(RSI, 4 * numbers);
    a.add(R12, numbers / 2);
  }
}
