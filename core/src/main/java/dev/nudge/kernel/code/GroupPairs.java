package dev.nudge.kernel.code;

import static dev.nudge.kernel.code.Assembler.EQUAL;
import static dev.nudge.kernel.code.Assembler.R8;
import static dev.nudge.kernel.code.Assembler.RCX;
import static dev.nudge.kernel.code.Assembler.RDI;
import static dev.nudge.kernel.code.Assembler.RDX;
import static dev.nudge.kernel.code.Assembler.RSI;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.kernel.code.Assembler.Memory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/// Interleaves the scales and zeros of groups for [DotGrouped]: pairs of floats.
///
/// Arguments: rdi the zeros, rsi the scales, rdx the pairs, rcx rounds of 16, r8 the lanes that
/// make the first sixteen floats, then the others.
/// ```
/// vmovups   z1, [scales]
/// vpmovzxbd z2, [zeros]
/// vcvtdq2ps z2, z2
/// vmovups   z0, [lanes]
/// vpermi2ps z0, z1, z2
/// vmovups   [pairs], z0
/// ```
///
/// @param code for sixteen groups at a time
record GroupPairs(Code code) {
  /// Bytes of a pair.
  static final int BYTES = 8;

  /// Offset of the zero.
  static final int ZERO = 4;

  private static final int ROUND = 16;
  private static final MemorySegment LANES = lanes();

  private static MemorySegment lanes() {
    MemorySegment lanes = Arena.global().allocate(BYTES * ROUND, 64);
    for (int i = 0; i < 2 * ROUND; i++) {
      lanes.setAtIndex(JAVA_INT, i, i / 2 + i % 2 * ROUND);
    }
    return lanes;
  }

  /// Empty if this process may have no executable memory.
  static Optional<GroupPairs> of(Code.Memory memory) {
    Assembler a = new Assembler();
    int round = a.here();
    a.vmovups(1, Memory.at(RSI, 0));
    a.vpmovzxbd(2, Memory.at(RDI, 0));
    a.vcvtdq2ps(2, 2);
    for (int half = 0; half < 2; half++) {
      a.vmovups(0, Memory.at(R8, 64 * half));
      a.vpermi2ps(0, 1, 2);
      a.vmovupsTo(Memory.at(RDX, 64 * half), 0);
    }
    a.add(RDI, ROUND);
    a.add(RSI, 4 * ROUND);
    a.add(RDX, BYTES * ROUND);
    a.sub(RCX, 1);
    a.jumpIf(EQUAL ^ 1, round);
    a.vzeroupper();
    a.ret();
    return memory.of(a.bytes()).map(GroupPairs::new);
  }

  /// Writes the pairs of `n` groups from `first` on.
  void write(SkinnyProduct.Grouped w, long first, int n, MemorySegment to, MemorySegment shape) {
    MemorySegment scales = w.scales().data().asSlice(4 * first, 4L * n);
    MemorySegment zeros = w.zeros().data().asSlice(first, n);
    int whole = n / ROUND;
    if (whole > 0) {
      code.call(zeros, scales, to.asSlice(0, (long) BYTES * n), whole, LANES, shape);
    }
    for (int i = whole * ROUND; i < n; i++) {
      to.set(JAVA_FLOAT, (long) BYTES * i, scales.get(JAVA_FLOAT_UNALIGNED, 4L * i));
      to.set(JAVA_FLOAT, (long) BYTES * i + ZERO, zeros.get(JAVA_BYTE, i) & 0xff);
    }
  }
}
