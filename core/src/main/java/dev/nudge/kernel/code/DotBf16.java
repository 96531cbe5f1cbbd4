package dev.nudge.kernel.code;

import static dev.nudge.kernel.code.Assembler.EQUAL;
import static dev.nudge.kernel.code.Assembler.R9;
import static dev.nudge.kernel.code.Assembler.RAX;
import static dev.nudge.kernel.code.Assembler.RDI;
import static dev.nudge.kernel.code.Assembler.RSI;

import dev.nudge.kernel.code.Assembler.Memory;

/// Multiplies bf16 weight rows, widened in registers, by paired rows of x.
///
/// A round is 32 numbers of each weight row, 16 dwords of two:
/// ```
/// vpslld  z0, [w], 16        the even numbers as floats
/// vpandd  z4, z31, [w]       the odd ones; z31 is ffff0000 in each lane
/// prefetcht0 [w + ahead]
/// vmovups z28, [x]           32 floats of x, even ones first
/// vfmadd231ps even, z0, z28
/// vmovups z28, [x + 64]
/// vfmadd231ps odd, z4, z28
/// ```
/// A masked load reads the last numbers and no memory after them. x is padded with zeros.
final class DotBf16 {
  private static final int NUMBERS = 64; // bytes of a round
  private static final int AHEAD = 4096;
  private static final int UPPER = 31; // register
  private static final int FREE = 28;
  private static final int REST = 1; // mask register

  private DotBf16() {}

  static byte[] code(int group, int rows) {
    Frame f = new Frame(group, rows);
    Assembler a = f.a;
    return f.write(
        () -> {
          a.movConstant(RAX, 0xffff0000);
          a.vpbroadcastd(UPPER, RAX);
        },
        () -> {
          a.mov(RAX, Memory.at(R9, Shape.ROUNDS));
          a.cmp(RAX, 0);
          Assembler.Jump none = a.jumpIf(EQUAL);
          int round = a.here();
          for (int w = 0; w < group; w++) {
            a.vpslld(w, f.weight(w, 0), 16);
            a.vpandd(4 + w, UPPER, f.weight(w, 0));
            a.prefetcht0(f.weight(w, AHEAD));
          }
          multiply(f);
          a.add(RDI, NUMBERS);
          a.add(RSI, 2 * NUMBERS);
          a.sub(RAX, 1);
          a.jumpIf(EQUAL ^ 1, round);
          a.land(none);

          a.mov(RAX, Memory.at(R9, Shape.REST));
          a.cmp(RAX, 0);
          Assembler.Jump done = a.jumpIf(EQUAL);
          a.kmovw(REST, RAX);
          for (int w = 0; w < group; w++) {
            a.vmovdqu32(w, f.weight(w, 0), REST);
            a.vpandd(4 + w, UPPER, Frame.zmm(w));
            a.vpslld(w, Frame.zmm(w), 16);
          }
          multiply(f);
          a.land(done);
        });
  }

  private static void multiply(Frame f) {
    f.multiply(true, 0, 0, FREE);
    f.multiply(false, 4, 64, FREE);
  }
}
