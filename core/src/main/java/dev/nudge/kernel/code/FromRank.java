package dev.nudge.kernel.code;

import static dev.nudge.kernel.code.Assembler.EQUAL;
import static dev.nudge.kernel.code.Assembler.R10;
import static dev.nudge.kernel.code.Assembler.R11;
import static dev.nudge.kernel.code.Assembler.R8;
import static dev.nudge.kernel.code.Assembler.R9;
import static dev.nudge.kernel.code.Assembler.RAX;
import static dev.nudge.kernel.code.Assembler.RCX;
import static dev.nudge.kernel.code.Assembler.RDI;
import static dev.nudge.kernel.code.Assembler.RDX;
import static dev.nudge.kernel.code.Assembler.RSI;

import dev.nudge.kernel.code.Assembler.Memory;
import dev.nudge.kernel.code.Assembler.Zmm;

/// Adds S·F to rows of y, S (rows, 16) and F (16, columns) in bf16, y in bf16 or fp32: eight rows
/// side by side, so y is read and written once and in order.
///
/// Arguments: rdi F in panels, written by [#pack], rsi S, contiguous, rdx y, rcx rounds of 32
/// columns, r9 the [Shape]. A panel is 16 columns: eight vectors, of a pair of rows of F each, a
/// dword a column. 32 columns of bf16:
/// ```
/// vpxord     z0, z0, z0              two sums a row of y
/// vmovups    z16, [F]                a pair of rows, 16 columns
/// vmovups    z17, [F + 512]          the next 16
/// vpbroadcastd z18, [S]              for each row of y
/// vdpbf16ps  z0, z16, z18
/// vdpbf16ps  z1, z17, z18            … pairs one after the other, as oneDNN adds them
/// vpmovzxwd  z18 {k1}, [y]           then y
/// vpslld     z18, z18, 16
/// vaddps     z0, z0, z18
/// vcvtne2ps2bf16 z0, z1, z0          rounded once
/// vmovups    [y], z0
/// ```
final class FromRank {
  static final int RANK = 16;

  /// Rows of y at once.
  static final int ROWS = 8;

  /// Columns of a round.
  static final int COLUMNS = 32;

  private static final int ALL = 1; // mask register
  private static final int PAIRS = RANK / 2;
  private static final int PANEL = 64 * PAIRS; // bytes
  private static final int FACTOR = 2 * ROWS; // first of two registers
  private static final int OTHER = FACTOR + 2;

  private FromRank() {}

  /// Packs F in panels.
  ///
  /// Arguments: rdi F, or contiguous Fᵀ (columns, 16), rdx the output, rcx panels, r8
  /// [Transpose#PICKS], r9 the [Shape].
  ///
  /// @param across whether F is Fᵀ
  static byte[] pack(boolean across) {
    Assembler a = new Assembler();
    all(a);
    a.mov(R10, Memory.at(R9, Shape.WEIGHT_STRIDE));
    int next = a.here();
    int[] vectors = new int[PAIRS];
    int[] free = {PAIRS, PAIRS + 1};
    a.mov(RAX, RDI);
    for (int i = 0; i < PAIRS; i++) {
      vectors[i] = i;
      if (across) {
        a.vmovups(i, Memory.at(RDI, 64 * i));
      } else {
        pair(a, i, free[0], Memory.at(RAX, 0), new Memory(RAX, R10, 1, 0));
        a.lea(RAX, new Memory(RAX, R10, 2, 0));
      }
    }
    if (across) {
      Transpose.pairsOfRows(a, vectors, free, R8);
    }
    for (int i = 0; i < PAIRS; i++) {
      a.vmovupsTo(Memory.at(RDX, 64 * i), vectors[i]);
    }
    a.add(RDI, across ? PANEL : PANEL / RANK);
    a.add(RDX, PANEL);
    end(a, next);
    return a.bytes();
  }

  /// @param rows of y, 8 or 1
  /// @param low whether y is in bf16
  static byte[] code(int rows, boolean low) {
    Assembler a = new Assembler();
    all(a);
    a.mov(R10, Memory.at(R9, Shape.X_STRIDE));
    a.lea(R11, new Memory(R10, R10, 2, 0));
    a.lea(RAX, new Memory(RDX, R10, 4, 0));
    int next = a.here();
    for (int i = 0; i < 2 * rows; i++) {
      a.vpxord(i, i, i);
    }
    for (int p = 0; p < PAIRS; p++) {
      a.vmovups(FACTOR, Memory.at(RDI, 64 * p));
      a.vmovups(FACTOR + 1, Memory.at(RDI, PANEL + 64 * p));
      for (int r = 0; r < rows; r++) {
        a.vpbroadcastd(OTHER, Memory.at(RSI, 2 * RANK * r + 4 * p));
        a.vdpbf16ps(2 * r, FACTOR, new Zmm(OTHER));
        a.vdpbf16ps(2 * r + 1, FACTOR + 1, new Zmm(OTHER));
      }
    }
    for (int r = 0; r < rows; r++) {
      add(a, 2 * r, y(r, 0), low);
      add(a, 2 * r + 1, y(r, low ? 32 : 64), low);
      if (low) {
        a.vcvtne2ps2bf16(2 * r, 2 * r + 1, 2 * r);
        a.vmovupsTo(y(r, 0), 2 * r);
      }
    }
    a.add(RDI, 2 * PANEL);
    a.add(RDX, low ? 64 : 128);
    a.add(RAX, low ? 64 : 128);
    end(a, next);
    return a.bytes();
  }

  /// sum += y; stores an fp32 sum.
  private static void add(Assembler a, int sum, Memory y, boolean low) {
    if (low) {
      a.vpmovzxwd(OTHER, y, ALL);
      a.vpslld(OTHER, new Zmm(OTHER), 16);
    } else {
      a.vmovups(OTHER, y);
    }
    a.vaddps(sum, sum, OTHER);
    if (!low) {
      a.vmovupsTo(y, sum);
    }
  }

  private static Memory y(int row, int disp) {
    int base = row < 4 ? RDX : RAX;
    return switch (row % 4) {
      case 0 -> Memory.at(base, disp);
      case 3 -> new Memory(base, R11, 1, disp);
      default -> new Memory(base, R10, row % 4, disp);
    };
  }

  /// Sets k1 to all lanes.
  static void all(Assembler a) {
    a.movConstant(RAX, 0xffff);
    a.kmovw(ALL, RAX);
  }

  /// to ← pairs of bf16 of two rows; k1 has all lanes.
  static void pair(Assembler a, int to, int free, Memory even, Memory odd) {
    a.vpmovzxwd(to, even, ALL);
    a.vpmovzxwd(free, odd, ALL);
    a.vpslld(free, new Zmm(free), 16);
    a.vpord(to, to, free, 0);
  }

  /// Loops `rcx` times, then returns.
  static void end(Assembler a, int next) {
    a.sub(RCX, 1);
    a.jumpIf(EQUAL ^ 1, next);
    a.vzeroupper();
    a.ret();
  }
}
