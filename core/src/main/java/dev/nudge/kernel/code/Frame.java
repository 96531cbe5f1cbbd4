package dev.nudge.kernel.code;

import static dev.nudge.kernel.code.Assembler.BELOW;
import static dev.nudge.kernel.code.Assembler.R10;
import static dev.nudge.kernel.code.Assembler.R11;
import static dev.nudge.kernel.code.Assembler.R12;
import static dev.nudge.kernel.code.Assembler.R14;
import static dev.nudge.kernel.code.Assembler.R15;
import static dev.nudge.kernel.code.Assembler.R8;
import static dev.nudge.kernel.code.Assembler.R9;
import static dev.nudge.kernel.code.Assembler.RAX;
import static dev.nudge.kernel.code.Assembler.RBP;
import static dev.nudge.kernel.code.Assembler.RBX;
import static dev.nudge.kernel.code.Assembler.RCX;
import static dev.nudge.kernel.code.Assembler.RDI;
import static dev.nudge.kernel.code.Assembler.RDX;
import static dev.nudge.kernel.code.Assembler.RSI;

import dev.nudge.kernel.code.Assembler.Memory;
import dev.nudge.kernel.code.Assembler.Operand;
import dev.nudge.kernel.code.Assembler.Zmm;

/// Writes the common parts of all dot product kernels: a loop over groups of weight rows, the row
/// addresses, and the sums over lanes.
///
/// A kernel computes `group` weight rows by `rows` rows of x at once; its arguments are, in the
/// registers of the System V calling convention: rdi the weight rows, rsi the rows of x, rdx the
/// sums (one row of `rows` floats a weight row), rcx the number of weight rows (a multiple of
/// `group`), r8 the scales, r9 the [Shape]. The kernel's own loop advances rdi, rsi and r8 (and
/// r12, if it prefetches by it); each group restores them.
///
/// Vector registers: 0 to 7 are free within a loop, 8 and up are the sums (of even numbers, [weight
/// row][row of x], then of odd ones), 28 to 31 hold constants.
final class Frame {
  /// First register of sums.
  static final int SUMS = 8;

  /// Most products of a weight row and a row of x at once.
  static final int MOST_SUMS = 8;

  private static final int COMPRESS = 7; // mask register: lanes 0, 4, 8, 12
  private static final int STORE = 6; // sums of an incomplete four

  final Assembler a = new Assembler();
  final int group;
  final int rows;

  /// @param group weight rows at once: 1, 2 or 4
  /// @param rows rows of x at once: 1, 2 or 4
  Frame(int group, int rows) {
    if (group * rows > MOST_SUMS) {
      throw new IllegalArgumentException(group + " by " + rows + " sums do not fit the registers");
    }
    this.group = group;
    this.rows = rows;
  }

  static Zmm zmm(int number) {
    return new Zmm(number);
  }

  /// Register of the sum of even numbers of a weight row and a row of x.
  int even(int weight, int x) {
    return SUMS + weight * rows + x;
  }

  /// Register of the sum of odd numbers.
  int odd(int weight, int x) {
    return SUMS + group * rows + weight * rows + x;
  }

  /// Memory of a weight row.
  Memory weight(int row, int disp) {
    return weight(RDI, row, disp);
  }

  /// Addresses the next group's weight row.
  Memory next(int row, int disp) {
    return weight(R12, row, disp);
  }

  private static Memory weight(int base, int row, int disp) {
    return switch (row) {
      case 0 -> Memory.at(base, disp);
      case 1 -> new Memory(base, R10, 1, disp);
      case 2 -> new Memory(base, R10, 2, disp);
      default -> new Memory(base, R11, 1, disp);
    };
  }

  /// Memory of the scales of a weight row.
  Memory scale(int row, int disp) {
    return switch (row) {
      case 0 -> Memory.at(R8, disp);
      case 1 -> new Memory(R8, R14, 1, disp);
      case 2 -> new Memory(R8, R14, 2, disp);
      default -> new Memory(R8, R15, 1, disp);
    };
  }

  /// Memory of a row of x.
  Memory x(int row, int disp) {
    return switch (row) {
      case 0 -> Memory.at(RSI, disp);
      case 1 -> new Memory(RSI, RBX, 1, disp);
      case 2 -> new Memory(RSI, RBX, 2, disp);
      default -> new Memory(RSI, RBP, 1, disp);
    };
  }

  /// The sums += a vector of weights · a vector of each row of x.
  ///
  /// @param even whether to the sums of even numbers
  /// @param from register of the first weight row's vector; the others follow
  /// @param disp of the rows of x
  /// @param free register for a vector of x
  void multiply(boolean even, int from, int disp, int free) {
    for (int i = 0; i < rows; i++) {
      Operand row = x(i, disp);
      if (group > 1) { // loaded once for all weight rows
        a.vmovups(free, row);
        row = zmm(free);
      }
      for (int w = 0; w < group; w++) {
        a.vfmadd231ps(even ? even(w, i) : odd(w, i), from + w, row);
      }
    }
  }

  /// Writes the whole kernel.
  ///
  /// @param constants sets the constants, once a call
  /// @param dot adds the products of a group to the sums
  byte[] write(Runnable constants, Runnable dot) {
    int[] kept = {RBX, RBP, R12, R14, R15};
    for (int register : kept) {
      a.push(register);
    }
    a.mov(R10, Memory.at(R9, Shape.WEIGHT_STRIDE));
    a.lea(R11, new Memory(R10, R10, 2, 0));
    a.mov(RBX, Memory.at(R9, Shape.X_STRIDE));
    a.lea(RBP, new Memory(RBX, RBX, 2, 0));
    a.mov(R14, Memory.at(R9, Shape.SCALE_STRIDE));
    a.lea(R15, new Memory(R14, R14, 2, 0));
    a.movConstant(RAX, 0x1111);
    a.kmovw(COMPRESS, RAX);
    a.movConstant(RAX, (1 << group * rows % 4) - 1);
    a.kmovw(STORE, RAX);
    constants.run();

    int next = a.here();
    a.cmp(RCX, group);
    Assembler.Jump end = a.jumpIf(BELOW);
    for (int i = 0; i < 2 * group * rows; i++) {
      a.vpxord(SUMS + i, SUMS + i, SUMS + i);
    }
    for (int register : new int[] {RDI, RSI, R8}) {
      a.push(register);
    }
    a.lea(R12, new Memory(RDI, R10, group, 0));
    dot.run();
    for (int register : new int[] {R8, RSI, RDI}) {
      a.pop(register);
    }
    sums();
    a.lea(RDI, new Memory(RDI, R10, group, 0));
    a.lea(R8, new Memory(R8, R14, group, 0));
    a.add(RDX, 4 * group * rows);
    a.sub(RCX, group);
    a.jump(next);

    a.land(end);
    for (int i = kept.length - 1; i >= 0; i--) {
      a.pop(kept[i]);
    }
    a.vzeroupper();
    a.ret();
    return a.bytes();
  }

  /// Adds odd sums to even ones, then the lanes of each: 8 apart, 4, 2, 1, as the Vector API's
  /// kernels fold them; stores four sums at a time.
  private void sums() {
    int n = group * rows;
    for (int i = 0; i < n; i++) {
      a.vaddps(SUMS + i, SUMS + i, SUMS + n + i);
    }
    for (int i = 0; i < n; i += 4) {
      int one = SUMS + i;
      int two = SUMS + Math.min(i + 1, n - 1);
      int three = SUMS + Math.min(i + 2, n - 1);
      int four = SUMS + Math.min(i + 3, n - 1);
      quarters(a, 0, new int[] {one, two, three, four}, 1, 2);
      a.vpermilps(1, 0, 0x4e);
      a.vaddps(0, 0, 1);
      a.vpermilps(1, 0, 0xb1);
      a.vaddps(0, 0, 1);
      a.vcompressps(0, 0, COMPRESS);
      a.vmovupsLow(Memory.at(RDX, 4 * i), 0, n - i >= 4 ? 0 : STORE);
    }
  }

  /// Adds the lanes of four registers, 8 apart, then 4, and packs the four results into one.
  static void quarters(Assembler a, int to, int[] of, int free, int other) {
    a.vinsertf64x4(to, of[0], of[1], 1); // lower halves of two
    a.vshuff64x2(free, of[0], of[1], 0xee); // and upper ones
    a.vaddps(to, to, free);
    a.vinsertf64x4(free, of[2], of[3], 1);
    a.vshuff64x2(other, of[2], of[3], 0xee);
    a.vaddps(free, free, other); // eight lanes each
    a.vshuff32x4(other, to, free, 0x88);
    a.vshuff32x4(to, to, free, 0xdd);
    a.vaddps(to, other, to);
  }
}
