package dev.nudge.kernel.code;

import static dev.nudge.kernel.code.Assembler.EQUAL;
import static dev.nudge.kernel.code.Assembler.R12;
import static dev.nudge.kernel.code.Assembler.R8;
import static dev.nudge.kernel.code.Assembler.R9;
import static dev.nudge.kernel.code.Assembler.RAX;
import static dev.nudge.kernel.code.Assembler.RDI;
import static dev.nudge.kernel.code.Assembler.RSI;

import dev.nudge.kernel.code.Assembler.Memory;

/// Multiplies NF4 weight rows by paired rows of x.
///
/// A round is a block of 64 numbers, 32 bytes. First it computes the block's sixteen values,
/// rounded to bf16 as in the Vector API's kernel (v·r − (v·r − v) with r = 2¹⁶ + 1, or 1):
/// ```
/// vmulps z0, z31, scale      z31 are the levels
/// vmulps z1, z0, z30         z30 is r in each lane
/// vsubps z2, z1, z0
/// vsubps z0, z1, z2
/// prefetcht0 [next]          the same place of the next group of weight rows
/// ```
/// then twice 32 numbers of 16 bytes, an upper half byte being an even number:
/// ```
/// vpmovzxbd z2, [w]
/// vpsrld  z1, z2, 4
/// vpermps z1, z1, z0         even numbers
/// vpermps z2, z2, z0         odd ones: only the lower four bits of a lane count
/// vfmadd231ps even, z1, [x]
/// vfmadd231ps odd, z2, [x + 64]
/// ```
final class DotNf4 {
  private static final int LEVELS = 31; // register
  private static final int ROUND = 30;
  private static final int FREE = 28;
  private static final int TABLES = 24; // of up to four weight rows

  private DotNf4() {}

  static byte[] code(int group, int rows) {
    Frame f = new Frame(group, rows);
    Assembler a = f.a;
    return f.write(
        () -> {
          a.vmovups(LEVELS, Memory.at(R9, Shape.LEVELS));
          a.mov(RAX, Memory.at(R9, Shape.ROUND));
          a.vpbroadcastd(ROUND, RAX);
        },
        () -> {
          a.mov(RAX, Memory.at(R9, Shape.ROUNDS));
          int round = a.here();
          for (int w = 0; w < group; w++) {
            int table = TABLES + w;
            a.vmulpsBroadcast(0, LEVELS, f.scale(w, 0));
            a.vmulps(1, 0, ROUND);
            a.vsubps(2, 1, 0);
            a.vsubps(table, 1, 2);
            a.prefetcht0(f.next(w, 0));
          }
          for (int half = 0; half < 2; half++) {
            for (int w = 0; w < group; w++) {
              int table = TABLES + w;
              a.vpmovzxbd(4 + w, f.weight(w, 16 * half));
              a.vpsrld(w, Frame.zmm(4 + w), 4);
              a.vpermps(w, w, table);
              a.vpermps(4 + w, 4 + w, table);
            }
            f.multiply(true, 0, 128 * half, FREE);
            f.multiply(false, 4, 128 * half + 64, FREE);
          }
          a.add(RDI, 32);
          a.add(RSI, 256);
          a.add(R12, 32);
          a.add(R8, 4);
          a.sub(RAX, 1);
          a.jumpIf(EQUAL ^ 1, round);
        });
  }
}
