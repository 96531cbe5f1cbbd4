package dev.nudge.kernel.code;

import static dev.nudge.kernel.code.Assembler.EQUAL;
import static dev.nudge.kernel.code.Assembler.R9;
import static dev.nudge.kernel.code.Assembler.RAX;
import static dev.nudge.kernel.code.Assembler.RDI;
import static dev.nudge.kernel.code.Assembler.RSI;

import dev.nudge.kernel.code.Assembler.Memory;

/// Multiplies fp32 weight rows by rows of x.
///
/// A round is 32 numbers: the first sixteen go to one sum ("even"), the others to another ("odd"):
/// ```
/// vmovups z0, [w]
/// vmovups z4, [w + 64]
/// prefetcht0 [w + ahead], [w + ahead + 64]
/// vfmadd231ps even, z0, [x]
/// vfmadd231ps odd, z4, [x + 64]
/// ```
/// After the rounds sixteen numbers, if as many remain, go to "even", and the last, masked, to
/// "odd".
final class DotFp32 {
  private static final int VECTOR = 64; // bytes
  private static final int AHEAD = 4096;
  private static final int FREE = 28;
  private static final int REST = 1; // mask register

  private DotFp32() {}

  static byte[] code(int group, int rows) {
    Frame f = new Frame(group, rows);
    Assembler a = f.a;
    return f.write(
        () -> {},
        () -> {
          a.mov(RAX, Memory.at(R9, Shape.ROUNDS));
          a.cmp(RAX, 0);
          Assembler.Jump none = a.jumpIf(EQUAL);
          int round = a.here();
          for (int w = 0; w < group; w++) {
            a.vmovups(w, f.weight(w, 0));
            a.vmovups(4 + w, f.weight(w, VECTOR));
            a.prefetcht0(f.weight(w, AHEAD));
            a.prefetcht0(f.weight(w, AHEAD + VECTOR));
          }
          f.multiply(true, 0, 0, FREE);
          f.multiply(false, 4, VECTOR, FREE);
          a.add(RDI, 2 * VECTOR);
          a.add(RSI, 2 * VECTOR);
          a.sub(RAX, 1);
          a.jumpIf(EQUAL ^ 1, round);
          a.land(none);

          a.mov(RAX, Memory.at(R9, Shape.HALF));
          a.cmp(RAX, 0);
          Assembler.Jump less = a.jumpIf(EQUAL);
          for (int w = 0; w < group; w++) {
            a.vmovups(w, f.weight(w, 0));
          }
          f.multiply(true, 0, 0, FREE);
          a.add(RDI, VECTOR);
          a.add(RSI, VECTOR);
          a.land(less);

          a.mov(RAX, Memory.at(R9, Shape.REST));
          a.cmp(RAX, 0);
          Assembler.Jump done = a.jumpIf(EQUAL);
          a.kmovw(REST, RAX);
          for (int w = 0; w < group; w++) {
            a.vmovdqu32(w, f.weight(w, 0), REST);
          }
          f.multiply(false, 0, 0, FREE);
          a.land(done);
        });
  }
}
