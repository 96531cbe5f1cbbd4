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

/// Adds bf16 values, weighted, to sums of one query or four: 64 columns, or up to 32 by a mask.
///
/// Arguments: rdi the first value, rsi the weights of the first query, rdx its sums in pairs, rcx
/// values (at least one), r9 the [Shape]: from value to value, from weights to weights, from sums
/// to sums, from a value to what is fetched meanwhile, [Shape#LANES] of the mask. A round, of one
/// value and 32 columns:
/// ```
/// vmovdqu32 z0 {k1} {z}, [v]         16 dwords of two numbers; without a mask the next ones read
/// vpandd    z1, z31, z0              the odd ones as floats; z31 is ffff0000 in each lane
/// vpslld    z0, z0, 16               the even ones
/// prefetcht0 [v + ahead]
/// vpbroadcastd z24, [w]              for each query
/// vfmadd231ps z8, z0, z24
/// vfmadd231ps z9, z1, z24
/// ```
final class ValueSums {
  private static final int SUMS = 8; // first registers
  private static final int WEIGHTS = 24;
  private static final int UPPER = 31;
  private static final int MASK = 1; // mask register

  private ValueSums() {}

  /// @param queries 1 or 4
  /// @param whole whether there are 64 columns, not up to 32
  static byte[] code(int queries, boolean whole) {
    Assembler a = new Assembler();
    int vectors = whole ? 2 : 1;
    a.movConstant(RAX, 0xffff0000);
    a.vpbroadcastd(UPPER, RAX);
    if (!whole) {
      a.mov(RAX, Memory.at(R9, Shape.LANES));
      a.kmovw(MASK, RAX);
    }
    a.mov(R10, Memory.at(R9, Shape.WEIGHT_STRIDE));
    a.mov(R11, Memory.at(R9, Shape.X_STRIDE));
    a.lea(RAX, new Memory(R11, R11, 2, 0));
    a.mov(R8, Memory.at(R9, Shape.SCALE_STRIDE));
    a.push(R9);
    a.mov(R9, RDX);
    for (int q = 0; q < queries; q++) {
      for (int i = 0; i < 2 * vectors; i++) {
        a.vmovups(SUMS + 4 * q + i, Memory.at(R9, 64 * i));
      }
      a.lea(R9, new Memory(R9, R8, 1, 0));
    }
    a.pop(R9);
    a.mov(R9, Memory.at(R9, Shape.AHEAD));
    a.lea(R9, new Memory(R9, RDI, 1, 0));

    int next = a.here();
    for (int v = 0; v < vectors; v++) {
      Memory value = Memory.at(RDI, 64 * v);
      if (whole) {
        a.vpslld(2 * v, value, 16);
        a.vpandd(2 * v + 1, UPPER, value);
      } else {
        a.vmovdqu32(0, value, MASK);
        a.vpandd(1, UPPER, new Zmm(0));
        a.vpslld(0, new Zmm(0), 16);
      }
      a.prefetcht0(Memory.at(R9, 64 * v));
    }
    for (int q = 0; q < queries; q++) {
      a.vpbroadcastd(WEIGHTS + q, weight(q));
      for (int i = 0; i < 2 * vectors; i++) {
        a.vfmadd231ps(SUMS + 4 * q + i, i, new Zmm(WEIGHTS + q));
      }
    }
    a.lea(RDI, new Memory(RDI, R10, 1, 0));
    a.lea(R9, new Memory(R9, R10, 1, 0));
    a.add(RSI, 4);
    a.sub(RCX, 1);
    a.jumpIf(EQUAL ^ 1, next);

    for (int q = 0; q < queries; q++) {
      for (int i = 0; i < 2 * vectors; i++) {
        a.vmovupsTo(Memory.at(RDX, 64 * i), SUMS + 4 * q + i);
      }
      a.lea(RDX, new Memory(RDX, R8, 1, 0));
    }
    a.vzeroupper();
    a.ret();
    return a.bytes();
  }

  private static Memory weight(int query) {
    return switch (query) {
      case 0 -> Memory.at(RSI, 0);
      case 1 -> new Memory(RSI, R11, 1, 0);
      case 2 -> new Memory(RSI, R11, 2, 0);
      default -> new Memory(RSI, RAX, 1, 0);
    };
  }
}
