package dev.nudge.kernel.code;

import static dev.nudge.kernel.code.Assembler.EQUAL;
import static dev.nudge.kernel.code.Assembler.R8;
import static dev.nudge.kernel.code.Assembler.R9;
import static dev.nudge.kernel.code.Assembler.RAX;
import static dev.nudge.kernel.code.Assembler.RCX;
import static dev.nudge.kernel.code.Assembler.RDI;
import static dev.nudge.kernel.code.Assembler.RDX;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.nudge.kernel.code.Assembler.Memory;
import dev.nudge.kernel.code.Assembler.Zmm;
import dev.nudge.tensor.Dtype;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/// Writes the sums of one row of x into y: every 1st, 2nd or 4th sum, optionally added to y, in
/// fp32 or rounded to bf16 as [dev.nudge.tensor.Bf16] rounds.
///
/// Arguments: rdi the first sum, rdx the place in y, rcx rounds of 16, r8 [#PICKS], r9 the [Shape].
/// A round, of every 4th sum added to bf16:
/// ```
/// vmovups   z1, [sums] … z4, [sums + 192]
/// vpermi2ps z0, z1, z2       eight sums; z0 were lanes 0, 4, … 28
/// vpermi2ps z5, z3, z4       the other eight
/// vinsertf64x4 z0, z0, z5, 1
/// vpmovzxwd z1 {k1}, [y]     y in fp32
/// vpslld    z1, z1, 16
/// vaddps    z0, z0, z1
/// vpsrld    z1, z0, 16       bits + 7fff + (the bit above the half), upper half
/// vpandd    z2, z1, one
/// vpaddd    z2, z2, z29
/// vpaddd    z2, z0, z2
/// vpsrld    z2, z2, 16
/// vcmpunordps k2, z0, z0     a NaN keeps its upper half, and is quiet
/// vpord     z2 {k2}, z1, z28
/// vpmovdw   [y] {k1}, z2
/// ```
final class StoreSums {
  /// Results of a round.
  static final int ROUND = 16;

  /// Bytes after the last sum that a round may read.
  static final int SLACK = 256;

  /// Lanes 0, 2, … 30, then lanes 0, 4, … 28 twice.
  static final MemorySegment PICKS = picks();

  private static final int ONE = 30; // register
  private static final int BIAS = 29;
  private static final int QUIET = 28;
  private static final int WRITTEN = 1; // mask register
  private static final int NAN = 2;

  private final Code[] codes;

  private StoreSums(Code[] codes) {
    this.codes = codes;
  }

  private static MemorySegment picks() {
    MemorySegment picks = Arena.global().allocate(128, 64);
    for (int i = 0; i < 16; i++) {
      picks.setAtIndex(JAVA_INT, i, 2 * i);
      picks.setAtIndex(JAVA_INT, 16 + i, 4 * (i % 8));
    }
    return picks;
  }

  /// Empty if this process may have no executable memory.
  static Optional<StoreSums> of(Code.Memory memory) {
    Code[] codes = new Code[12];
    for (int rows = 1; rows <= Kernel.MOST; rows *= 2) {
      for (boolean low : new boolean[] {false, true}) {
        for (boolean add : new boolean[] {false, true}) {
          Optional<Code> code = memory.of(code(rows, low, add));
          if (code.isEmpty()) {
            return Optional.empty();
          }
          codes[index(rows, low, add)] = code.get();
        }
      }
    }
    return Optional.of(new StoreSums(codes));
  }

  private static int index(int rows, boolean low, boolean add) {
    return 4 * Integer.numberOfTrailingZeros(rows) + (low ? 2 : 0) + (add ? 1 : 0);
  }

  /// Writes `n` results.
  ///
  /// @param sums every `rows`th is a result; [#SLACK] bytes after the last may be read
  /// @param type F32 or BF16
  void store(
      MemorySegment sums,
      int rows,
      MemorySegment y,
      int n,
      Dtype type,
      boolean add,
      MemorySegment shape) {
    boolean low = type == Dtype.BF16;
    Code code = codes[index(rows, low, add)];
    int whole = n / ROUND;
    if (whole > 0) {
      shape.set(JAVA_INT, Shape.LANES, -1);
      code.call(sums, MemorySegment.NULL, y, whole, PICKS, shape);
    }
    int rest = n % ROUND;
    if (rest > 0) {
      long done = (long) whole * ROUND;
      shape.set(JAVA_INT, Shape.LANES, (1 << rest) - 1);
      code.call(
          sums.asSlice(4 * done * rows),
          MemorySegment.NULL,
          y.asSlice(done * type.bytes()),
          1,
          PICKS,
          shape);
    }
  }

  static byte[] code(int rows, boolean low, boolean add) {
    Assembler a = new Assembler();
    a.mov(RAX, Memory.at(R9, Shape.LANES));
    a.kmovw(WRITTEN, RAX);
    constant(a, ONE, 1);
    constant(a, BIAS, 0x7fff);
    constant(a, QUIET, 0x40);
    int round = a.here();
    pick(a, rows);
    if (add && low) {
      a.vpmovzxwd(1, Memory.at(RDX, 0), WRITTEN);
      a.vpslld(1, new Zmm(1), 16);
      a.vaddps(0, 0, 1);
    } else if (add) {
      a.vmovdqu32(1, Memory.at(RDX, 0), WRITTEN);
      a.vaddps(0, 0, 1);
    }
    if (low) {
      a.vpsrld(1, new Zmm(0), 16);
      a.vpandd(2, 1, new Zmm(ONE));
      a.vpaddd(2, 2, BIAS);
      a.vpaddd(2, 0, 2);
      a.vpsrld(2, new Zmm(2), 16);
      a.vcmpunordps(NAN, 0, 0);
      a.vpord(2, 1, QUIET, NAN);
      a.vpmovdw(Memory.at(RDX, 0), 2, WRITTEN);
    } else {
      a.vmovups(Memory.at(RDX, 0), 0, WRITTEN);
    }
    a.add(RDI, 4 * ROUND * rows);
    a.add(RDX, (low ? 2 : 4) * ROUND);
    a.sub(RCX, 1);
    a.jumpIf(EQUAL ^ 1, round);
    a.vzeroupper();
    a.ret();
    return a.bytes();
  }

  private static void constant(Assembler a, int register, int v) {
    a.movConstant(RAX, v);
    a.vpbroadcastd(register, RAX);
  }

  /// z0 ← sixteen sums.
  private static void pick(Assembler a, int rows) {
    if (rows == 1) {
      a.vmovups(0, Memory.at(RDI, 0));
      return;
    }
    for (int i = 0; i < rows; i++) {
      a.vmovups(1 + i, Memory.at(RDI, 64 * i));
    }
    a.vmovups(0, Memory.at(R8, rows == 2 ? 0 : 64));
    if (rows == 4) {
      a.vmovups(5, new Zmm(0));
      a.vpermi2ps(5, 3, 4);
    }
    a.vpermi2ps(0, 1, 2);
    if (rows == 4) {
      a.vinsertf64x4(0, 0, 5, 1);
    }
  }
}
