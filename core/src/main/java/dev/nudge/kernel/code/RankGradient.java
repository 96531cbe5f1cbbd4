package dev.nudge.kernel.code;

import static dev.nudge.kernel.code.Assembler.EQUAL;
import static dev.nudge.kernel.code.Assembler.R10;
import static dev.nudge.kernel.code.Assembler.R8;
import static dev.nudge.kernel.code.Assembler.R9;
import static dev.nudge.kernel.code.Assembler.RAX;
import static dev.nudge.kernel.code.Assembler.RCX;
import static dev.nudge.kernel.code.Assembler.RDI;
import static dev.nudge.kernel.code.Assembler.RDX;
import static dev.nudge.kernel.code.Assembler.RSI;

import dev.nudge.kernel.code.Assembler.Memory;

/// Adds Sᵀ·x to 16 × 16 numbers of a gradient in fp32, or its transpose: sums over rows, which are
/// paired on the way, so x (rows, columns) is read once and not copied.
///
/// Arguments: rdi the pairs of S that [#pairs] made, at these 16 columns of S; rsi x at 16 columns,
/// rdx the gradient, rcx pairs of rows, r8 [Transpose#PICKS], r9 the [Shape].
/// ```
/// vpmovzxwd  z0 {k1}, [x]
/// vpmovzxwd  z1 {k1}, [x + stride]
/// vpslld     z1, z1, 16
/// vpord      z0, z0, z1              a pair of rows, a dword a column
/// vdpbf16ps  z2, z0, [S]{1to16}      for each of 16 columns of S, as oneDNN adds them
/// …
/// vaddps     z2, z2, [gradient]      at the end
/// ```
final class RankGradient {
  private static final int SIDE = 16;
  private static final int AHEAD = 6; // rows: a set of the first-level cache has room for twelve
  private static final int SUMS = 2; // first register of sums

  private RankGradient() {}

  /// @param rank columns of S
  /// @param across whether the transpose is added: the gradient is (columns of x, columns of S)
  static byte[] code(int rank, boolean across) {
    Assembler a = new Assembler();
    FromRank.all(a);
    a.mov(R10, Memory.at(R9, Shape.X_STRIDE));
    a.lea(RAX, new Memory(RSI, R10, 4, 0));
    a.lea(RAX, new Memory(RAX, R10, AHEAD - 4, 0));
    int[] sums = new int[SIDE];
    for (int i = 0; i < SIDE; i++) {
      sums[i] = SUMS + i;
      a.vpxord(sums[i], sums[i], sums[i]);
    }
    int next = a.here();
    FromRank.pair(a, 0, 1, Memory.at(RSI, 0), new Memory(RSI, R10, 1, 0));
    a.prefetcht0(Memory.at(RAX, 0));
    a.prefetcht0(new Memory(RAX, R10, 1, 0));
    for (int i = 0; i < SIDE; i++) {
      a.vdpbf16psBroadcast(sums[i], 0, Memory.at(RDI, 4 * i));
    }
    a.lea(RSI, new Memory(RSI, R10, 2, 0));
    a.lea(RAX, new Memory(RAX, R10, 2, 0));
    a.add(RDI, 4 * rank);
    a.sub(RCX, 1);
    a.jumpIf(EQUAL ^ 1, next);

    if (across) {
      Transpose.rows(a, sums, new int[] {0, 1}, R8);
    }
    int old = SUMS + SIDE; // free in any case
    a.mov(R10, Memory.at(R9, Shape.WEIGHT_STRIDE));
    for (int sum : sums) {
      a.vmovups(old, Memory.at(RDX, 0));
      a.vaddps(old, old, sum);
      a.vmovupsTo(Memory.at(RDX, 0), old);
      a.lea(RDX, new Memory(RDX, R10, 1, 0));
    }
    a.vzeroupper();
    a.ret();
    return a.bytes();
  }

  /// Pairs the rows of S, which lie without gaps at rdi, into rdx; rcx pairs.
  static byte[] pairs(int rank) {
    Assembler a = new Assembler();
    FromRank.all(a);
    int next = a.here();
    for (int i = 0; i < rank; i += SIDE) {
      FromRank.pair(a, 0, 1, Memory.at(RDI, 2 * i), Memory.at(RDI, 2 * rank + 2 * i));
      a.vmovupsTo(Memory.at(RDX, 4 * i), 0);
    }
    a.add(RDI, 4 * rank);
    a.add(RDX, 4 * rank);
    FromRank.end(a, next);
    return a.bytes();
  }
}
