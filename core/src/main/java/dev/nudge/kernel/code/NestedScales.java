package dev.nudge.kernel.code;

import static dev.nudge.kernel.code.Assembler.EQUAL;
import static dev.nudge.kernel.code.Assembler.R8;
import static dev.nudge.kernel.code.Assembler.R9;
import static dev.nudge.kernel.code.Assembler.RAX;
import static dev.nudge.kernel.code.Assembler.RCX;
import static dev.nudge.kernel.code.Assembler.RDI;
import static dev.nudge.kernel.code.Assembler.RDX;
import static dev.nudge.kernel.code.Assembler.RSI;

import dev.nudge.kernel.code.Assembler.Memory;

/// Decodes double-quantised scales of one fp32 absmax: level(code)·absmax + offset, in two
/// roundings.
///
/// Arguments: rdi the codes, rsi the 256 levels, rdx the scales, rcx how many times 16, r8 the
/// absmax, r9 the [Shape].
/// ```
/// kmovw    k1, eax           eax is ffff
/// vpmovzxbd z1, [codes]
/// vgatherdps z0 {k1}, [levels + 4·z1]
/// vmulps   z0, z0, absmax
/// vaddps   z0, z0, z31
/// vmovups  [scales], z0
/// ```
final class NestedScales {
  /// Scales that a round makes.
  static final int ROUND = 16;

  private static final int OFFSET = 31; // register
  private static final int ALL = 1; // mask register

  private NestedScales() {}

  static byte[] code() {
    Assembler a = new Assembler();
    a.mov(RAX, Memory.at(R9, Shape.OFFSET));
    a.vpbroadcastd(OFFSET, RAX);
    a.movConstant(RAX, 0xffff);
    a.vpxord(0, 0, 0);
    int round = a.here();
    a.kmovw(ALL, RAX);
    a.vpmovzxbd(1, Memory.at(RDI, 0));
    a.vgatherdps(0, RSI, 1, ALL);
    a.vmulpsBroadcast(0, 0, Memory.at(R8, 0));
    a.vaddps(0, 0, OFFSET);
    a.vmovupsTo(Memory.at(RDX, 0), 0);
    a.add(RDI, ROUND);
    a.add(RDX, 4 * ROUND);
    a.sub(RCX, 1);
    a.jumpIf(EQUAL ^ 1, round);
    a.vzeroupper();
    a.ret();
    return a.bytes();
  }
}
