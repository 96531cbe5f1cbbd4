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
import dev.nudge.kernel.code.Assembler.Zmm;

/// Decodes double-quantised scales of one fp32 absmax: level(code)·absmax + offset, in two
/// roundings.
///
/// Arguments: rdi the codes, rsi the 256 levels, rdx the scales, rcx rounds of 16, r8 the absmax,
/// r9 the [Shape].
/// ```
/// vpmovzxbd z1, [codes]
/// vptestmd k1, z1, z28       codes with bit 5; k2: bit 6, k3: bit 7
/// vmovups  z, z1             z0 and seven more
/// vpermi2ps z, low, high     by the lower five bits, of the 32 levels in two of z8 … z23
/// vpord    z0 {k1}, z, z     k1 selects of two, k2 of four, k3 of eight
/// vmulps   z0, z0, absmax
/// vaddps   z0, z0, z31
/// vmovups  [scales], z0
/// ```
/// and the halved MXFP4 scales, factor·2^(code − 128), exact:
/// ```
/// vpmovzxbd z1, [codes]
/// vcvtdq2ps z1, z1
/// vsubps   z1, z1, z31       z31 is 128 here, z30 the factor
/// vscalefps z0, z30, z1
/// vmovups  [scales], z0
/// ```
final class NestedScales {
  /// Scales of a round.
  static final int ROUND = 16;

  private static final int OFFSET = 31; // register
  private static final int FACTOR = 30;
  private static final int TABLES = 8; // of sixteen levels each
  private static final int BITS = 28; // 32, 64, 128
  private static final int[] PICKED = {0, 2, 3, 4, 5, 6, 7, 24}; // of 32 levels each

  private NestedScales() {}

  static byte[] code() {
    Assembler a = new Assembler();
    a.mov(RAX, Memory.at(R9, Shape.OFFSET));
    a.vpbroadcastd(OFFSET, RAX);
    for (int i = 0; i < 16; i++) {
      a.vmovups(TABLES + i, Memory.at(RSI, 64 * i));
    }
    for (int bit = 0; bit < 3; bit++) {
      a.movConstant(RAX, 32 << bit);
      a.vpbroadcastd(BITS + bit, RAX);
    }
    int round = a.here();
    a.vpmovzxbd(1, Memory.at(RDI, 0));
    for (int bit = 0; bit < 3; bit++) {
      a.vptestmd(bit + 1, 1, BITS + bit);
    }
    for (int i = 0; i < PICKED.length; i++) {
      a.vmovups(PICKED[i], new Zmm(1));
      a.vpermi2ps(PICKED[i], TABLES + 2 * i, TABLES + 2 * i + 1);
    }
    for (int bit = 0; bit < 3; bit++) {
      for (int i = 0; i < PICKED.length; i += 2 << bit) {
        int other = PICKED[i + (1 << bit)];
        a.vpord(PICKED[i], other, other, bit + 1);
      }
    }
    a.vmulpsBroadcast(0, 0, Memory.at(R8, 0));
    a.vaddps(0, 0, OFFSET);
    return end(a, round);
  }

  static byte[] powers() {
    Assembler a = new Assembler();
    a.movConstant(RAX, Float.floatToRawIntBits(128));
    a.vpbroadcastd(OFFSET, RAX);
    a.vpbroadcastd(FACTOR, Memory.at(R8, 0));
    int round = a.here();
    a.vpmovzxbd(1, Memory.at(RDI, 0));
    a.vcvtdq2ps(1, 1);
    a.vsubps(1, 1, OFFSET);
    a.vscalefps(0, FACTOR, 1);
    return end(a, round);
  }

  private static byte[] end(Assembler a, int round) {
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
