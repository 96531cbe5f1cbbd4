package dev.nudge.kernel.code;

import static dev.nudge.kernel.code.Assembler.BELOW;
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

/// Computes scores of bf16 keys and four queries over 64 columns, four keys at a time, queries in
/// registers.
///
/// Arguments: rdi the first key, rsi the queries in pairs, rdx the scores of the first query, rcx
/// keys, r9 the [Shape]: from key to key, from query to query, from scores to scores, and from a
/// key to the prefetched one. The code overwrites numbers after each query's last score up to the
/// next multiple of four.
/// ```
/// vmovups  z16 … z31, [rsi + …]     four queries of four vectors
/// vpslld   z0, [k], 16              of each key: the even numbers as floats
/// vpandd   z1, z12, [k]             and the odd ones; z12 is ffff0000 in each lane
/// vpslld   z2, [k + 64], 16
/// vpandd   z3, z12, [k + 64]
/// prefetcht0 [k + ahead], [k + ahead + 64]
/// vmulps   z8, z0, z16              for each query
/// vfmadd231ps z8, z1, z17
/// vfmadd231ps z8, z2, z18
/// vfmadd231ps z8, z3, z19
/// …                                 z4: a query a quarter, lanes 8 and 4 apart added
/// vshufps  z0, z4, z5, 44           of two keys: lanes 2 apart
/// vshufps  z1, z4, z5, ee
/// vaddps   z0, z0, z1
/// …                                 z2: of the other two
/// vshufps  z1, z0, z2, 88           lanes 1 apart: a key a lane
/// vshufps  z0, z0, z2, dd
/// vaddps   z0, z1, z0
/// vextractf32x4 [rdx + …], z0, …    a quarter for each query
/// ```
/// The loop repeats the last key to fill up four keys, so it reads no memory after it.
final class KeyScores {
  /// Columns of a call.
  static final int COLUMNS = 64;

  /// Queries of a call.
  static final int QUERIES = 4;

  private static final int KEYS = 4; // at a time
  private static final int SUMS = 8; // first registers
  private static final int FOLDED = 4;
  private static final int QUERY = 16;
  private static final int UPPER = 12;

  private KeyScores() {}

  /// @param add whether to add to the stored scores
  static byte[] code(boolean add) {
    Assembler a = new Assembler();
    a.movConstant(RAX, 0xffff0000);
    a.vpbroadcastd(UPPER, RAX);
    a.mov(R8, Memory.at(R9, Shape.X_STRIDE));
    for (int q = 0; q < QUERIES; q++) {
      for (int v = 0; v < 4; v++) {
        a.vmovups(QUERY + 4 * q + v, Memory.at(RSI, 64 * v));
      }
      a.lea(RSI, new Memory(RSI, R8, 1, 0));
    }
    a.mov(R8, Memory.at(R9, Shape.SCALE_STRIDE)); // of scores
    a.lea(RSI, new Memory(R8, R8, 2, 0));
    a.mov(R10, Memory.at(R9, Shape.WEIGHT_STRIDE)); // of keys; then 2× and 3×
    a.lea(R11, new Memory(R10, R10, 1, 0));
    a.lea(RAX, new Memory(R10, R10, 2, 0));
    a.mov(R9, Memory.at(R9, Shape.AHEAD));
    a.lea(R9, new Memory(R9, RDI, 1, 0));

    int next = a.here();
    a.cmp(RCX, KEYS);
    Assembler.Jump last = a.jumpIf(BELOW);
    int four = a.here();
    keys(a);
    store(a, add);
    a.lea(RDI, new Memory(RDI, R10, 4, 0));
    a.lea(R9, new Memory(R9, R10, 4, 0));
    a.add(RDX, 4 * KEYS);
    a.sub(RCX, KEYS);
    a.jump(next);

    a.land(last); // fewer than four: the last one repeats
    a.cmp(RCX, 0);
    Assembler.Jump end = a.jumpIf(EQUAL);
    a.cmp(RCX, 3);
    Assembler.Jump three = a.jumpIf(EQUAL);
    a.cmp(RCX, 2);
    Assembler.Jump two = a.jumpIf(EQUAL);
    a.movConstant(R10, 0);
    a.land(two);
    a.mov(R11, R10);
    a.land(three);
    a.mov(RAX, R11);
    a.movConstant(RCX, KEYS);
    a.jump(four);

    a.land(end);
    a.vzeroupper();
    a.ret();
    return a.bytes();
  }

  private static void keys(Assembler a) {
    int[] sums = {SUMS, SUMS + 1, SUMS + 2, SUMS + 3};
    for (int k = 0; k < KEYS; k++) {
      for (int half = 0; half < 2; half++) {
        Memory key = key(RDI, k, 64 * half);
        a.vpslld(2 * half, key, 16);
        a.vpandd(2 * half + 1, UPPER, key);
        a.prefetcht0(key(R9, k, 64 * half));
      }
      for (int v = 0; v < 4; v++) {
        for (int q = 0; q < QUERIES; q++) {
          if (v == 0) {
            a.vmulps(sums[q], v, QUERY + 4 * q + v);
          } else {
            a.vfmadd231ps(sums[q], v, new Zmm(QUERY + 4 * q + v));
          }
        }
      }
      Frame.quarters(a, FOLDED + k, sums, 0, 1);
    }
    join(a, 0, FOLDED, FOLDED + 1, 0x44, 0xee, 1);
    join(a, 2, FOLDED + 2, FOLDED + 3, 0x44, 0xee, 3);
    join(a, 0, 0, 2, 0x88, 0xdd, 1);
  }

  private static Memory key(int base, int key, int disp) {
    return switch (key) {
      case 0 -> Memory.at(base, disp);
      case 1 -> new Memory(base, R10, 1, disp);
      case 2 -> new Memory(base, R11, 1, disp);
      default -> new Memory(base, RAX, 1, disp);
    };
  }

  /// to ← some lanes of two registers + the other lanes.
  private static void join(Assembler a, int to, int x, int y, int some, int others, int free) {
    a.vshufps(free, x, y, some);
    a.vshufps(to, x, y, others);
    a.vaddps(to, free, to);
  }

  private static void store(Assembler a, boolean add) {
    for (int q = 0; q < QUERIES; q++) {
      Memory to =
          switch (q) {
            case 0 -> Memory.at(RDX, 0);
            case 1 -> new Memory(RDX, R8, 1, 0);
            case 2 -> new Memory(RDX, R8, 2, 0);
            default -> new Memory(RDX, RSI, 1, 0);
          };
      if (add) {
        a.vextractf32x4(new Zmm(1), 0, q);
        a.vaddpsLow(1, 1, to);
        a.vmovupsLow(to, 1, 0);
      } else {
        a.vextractf32x4(to, 0, q);
      }
    }
  }
}
