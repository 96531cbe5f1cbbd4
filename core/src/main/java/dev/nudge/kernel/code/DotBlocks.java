package dev.nudge.kernel.code;

import static dev.nudge.kernel.code.Assembler.EQUAL;
import static dev.nudge.kernel.code.Assembler.R12;
import static dev.nudge.kernel.code.Assembler.R8;
import static dev.nudge.kernel.code.Assembler.R9;
import static dev.nudge.kernel.code.Assembler.RAX;
import static dev.nudge.kernel.code.Assembler.RDI;
import static dev.nudge.kernel.code.Assembler.RSI;

import dev.nudge.kernel.code.Assembler.Memory;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// Computes dot products of a GGUF file's weight blocks with rows of x.
///
/// A round is a block of each weight row. First a block's scales, as floats, go to memory of the
/// thread (r8: 64 bytes a weight row); then, sixteen numbers at a time: codes are widened to dwords
/// (`vpmovzxbd`), their bits put together, converted (`vcvtdq2ps`), multiplied by the scale and
/// raised or lowered (`vmulps`, `vaddps`, `vsubps` with one float broadcast), rounded to bf16 as
/// [dev.nudge.tensor.Bf16] rounds, if that is the compute type, and multiplied by each row of x.
/// The layouts are those of `dev.nudge.gguf.block`.
final class DotBlocks {
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);

  /// Bytes of a thread's memory for scales and constants.
  static final int TABLE = 1024;

  private static final int FREE = 28;
  private static final int MASK = 24; // registers of constants
  private static final int ONE = 25;
  private static final int HALF = 26;
  private static final int UPPER = 27;
  private static final int ZERO = 29;
  private static final int FIFTH = 30;
  private static final int HIGH = 31;
  private static final int SCALES = 2; // mask registers
  private static final int BITS = 3;

  // Offsets of constants, after the scales of four weight rows.
  private static final int FIRST = 256;
  private static final int SPREAD = FIRST; // lanes, shifts and masks of six-bit scales
  private static final int LOW_SHIFT = FIRST + 64;
  private static final int LOW_MASK = FIRST + 128;
  private static final int LAST = FIRST + 192;
  private static final int LAST_SHIFT = FIRST + 256;
  private static final int LAST_MASK = FIRST + 320;
  private static final int HALVES = FIRST + 384;
  private static final int EIGHT_BITS = FIRST + 448; // 1, 2, 4 …

  /// A type of blocks.
  ///
  /// @param bytes of a block
  /// @param numbers of a block
  /// @param zero subtracted from each code
  enum Type {
    Q8_0(34, 32, 0),
    Q4_0(18, 32, 8),
    Q4_1(20, 32, 0),
    Q5_0(22, 32, 16),
    Q5_1(24, 32, 0),
    Q4_K(144, 256, 0),
    Q5_K(176, 256, 0),
    Q6_K(210, 256, 32);

    final int bytes;
    final int numbers;
    final int zero;

    Type(int bytes, int numbers, int zero) {
      this.bytes = bytes;
      this.numbers = numbers;
      this.zero = zero;
    }
  }

  private final Type type;
  private final boolean low;
  private final Frame f;
  private final Assembler a;

  private DotBlocks(Type type, boolean low, int group, int rows) {
    this.type = type;
    this.low = low;
    this.f = new Frame(group, rows);
    this.a = f.a;
  }

  /// @param low whether numbers are rounded to bf16
  static byte[] code(Type type, boolean low, int group, int rows) {
    return new DotBlocks(type, low, group, rows).code();
  }

  /// Writes the constants into a thread's memory.
  static void constants(MemorySegment table) {
    ints(table, SPREAD, 0, 0, 1, 1);
    ints(table, LOW_SHIFT, 0, 2, 0, 2);
    ints(table, LOW_MASK, 0x3f3f3f3f, 0x30303030, 0x3f3f3f3f, 0x30303030);
    ints(table, LAST, 2, 2, 2, 2);
    ints(table, LAST_SHIFT, 0, 0, 0, 4);
    ints(table, LAST_MASK, 0, 0x0f0f0f0f, 0, 0x0f0f0f0f);
    ints(table, HALVES, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
    ints(table, EIGHT_BITS, 1, 2, 4, 8, 16, 32, 64, 128);
  }

  private static void ints(MemorySegment table, int at, int... values) {
    for (int i = 0; i < values.length; i++) {
      table.set(INT, at + 4L * i, values[i]);
    }
  }

  private byte[] code() {
    return f.write(
        () -> {
          constant(MASK, 15);
          constant(ONE, 1);
          constant(HALF, 0x7fff);
          constant(UPPER, 0xffff0000);
          constant(ZERO, -type.zero);
          constant(FIFTH, 16);
          constant(HIGH, 0x30);
          a.movConstant(RAX, 15);
          a.kmovw(SCALES, RAX);
        },
        () -> {
          a.mov(RAX, Memory.at(R9, Shape.ROUNDS));
          int round = a.here();
          for (int w = 0; w < f.group; w++) {
            for (int line = 0; line < type.bytes; line += 64) {
              a.prefetcht0(f.next(w, line));
            }
            scales(w);
          }
          for (int v = 0; v < type.numbers / 16; v++) {
            for (int w = 0; w < f.group; w++) {
              numbers(w, v);
            }
            f.multiply(v % 2 == 0, 0, 64 * v, FREE);
          }
          a.add(RDI, type.bytes);
          a.add(R12, type.bytes);
          a.add(RSI, 4 * type.numbers);
          a.sub(RAX, 1);
          a.jumpIf(EQUAL ^ 1, round);
        });
  }

  private void constant(int register, int value) {
    a.movConstant(RAX, value);
    a.vpbroadcastd(register, RAX);
  }

  private static Memory table(int disp) {
    return Memory.at(R8, disp);
  }

  /// Writes the scales of a weight row's block: all group scales, then minima; for a small block
  /// scale and minimum, repeated.
  private void scales(int w) {
    switch (type) {
      case Q4_K, Q5_K -> {
        a.vmovdqu32(4, f.weight(w, 4), SCALES);
        a.vmovups(5, table(SPREAD));
        a.vpermps(5, 5, 4);
        a.vpsrlvd(5, 5, table(LOW_SHIFT));
        a.vpandd(5, 5, table(LOW_MASK));
        a.vmovups(6, table(LAST));
        a.vpermps(6, 6, 4);
        a.vpsrlvd(6, 6, table(LAST_SHIFT));
        a.vpandd(6, 6, table(LAST_MASK));
        a.vpaddd(5, 5, 6); // sixteen bytes: scales, minima
        a.vpmovzxbd(5, Frame.zmm(5));
        a.vcvtdq2ps(5, 5);
        a.vpbroadcastd(6, f.weight(w, 0));
        a.vcvtph2ps(6, 6);
        a.vmovups(7, table(HALVES));
        a.vpermps(6, 7, 6);
        a.vmulps(5, 5, 6);
      }
      case Q6_K -> {
        a.vpmovsxbd(5, f.weight(w, 192));
        a.vcvtdq2ps(5, 5);
        a.vpbroadcastd(6, f.weight(w, 206)); // the upper half is the scale
        a.vpsrld(6, Frame.zmm(6), 16);
        a.vcvtph2ps(6, 6);
        a.vpermilps(6, 6, 0);
        a.vshuff32x4(6, 6, 6, 0);
        a.vmulps(5, 5, 6);
      }
      default -> {
        a.vpbroadcastd(5, f.weight(w, 0));
        a.vcvtph2ps(5, 5);
      }
    }
    a.vmovupsTo(table(64 * w), 5);
  }

  /// Puts numbers 16·v and up of a weight row's block into register `w`.
  private void numbers(int w, int v) {
    int scale = 64 * w;
    int minimum = scale + 4;
    switch (type) {
      case Q8_0 -> a.vpmovsxbd(w, f.weight(w, 2 + 16 * v));
      case Q4_0 -> nibbles(w, 2, v == 1);
      case Q4_1 -> nibbles(w, 4, v == 1);
      case Q5_0 -> fifth(w, 2, v);
      case Q5_1 -> fifth(w, 4, v);
      case Q4_K, Q5_K -> {
        int group = v / 2;
        int codes = type == Type.Q4_K ? 16 : 48;
        nibbles(w, codes + 32 * (group / 2) + 16 * (v % 2), group % 2 == 1);
        if (type == Type.Q5_K) {
          a.vpmovzxbd(4 + w, f.weight(w, 16 + 16 * (v % 2)));
          a.vptestmdBroadcast(BITS, 4 + w, table(EIGHT_BITS + 4 * group));
          a.vpaddd(w, w, FIFTH, BITS);
        }
        scale += 4 * group;
        minimum = scale + 32;
      }
      case Q6_K -> {
        int half = v / 8;
        int j = v % 8 * 16;
        nibbles(w, 64 * half + j % 64, j >= 64);
        a.vpmovzxbd(4 + w, f.weight(w, 128 + 32 * half + j % 32));
        int up = 4 - j / 32 * 2; // two bits go to bits 4 and 5
        if (up > 0) {
          a.vpslld(4 + w, Frame.zmm(4 + w), up);
        } else if (up < 0) {
          a.vpsrld(4 + w, Frame.zmm(4 + w), -up);
        }
        a.vpandd(4 + w, 4 + w, Frame.zmm(HIGH));
        a.vpaddd(w, w, 4 + w);
        scale += 4 * v;
      }
    }
    if (type.zero != 0) {
      a.vpaddd(w, w, ZERO);
    }
    a.vcvtdq2ps(w, w);
    a.vmulpsBroadcast(w, w, table(scale));
    switch (type) {
      case Q4_1, Q5_1 -> a.vaddpsBroadcast(w, w, table(minimum));
      case Q4_K, Q5_K -> a.vsubpsBroadcast(w, w, table(minimum));
      default -> {}
    }
    if (low) {
      a.vpsrld(4 + w, Frame.zmm(w), 16);
      a.vpandd(4 + w, 4 + w, Frame.zmm(ONE)); // ties to even
      a.vpaddd(w, w, 4 + w);
      a.vpaddd(w, w, HALF);
      a.vpandd(w, w, Frame.zmm(UPPER));
    }
  }

  /// Loads 16 four-bit codes.
  private void nibbles(int w, int disp, boolean upper) {
    a.vpmovzxbd(w, f.weight(w, disp));
    if (upper) {
      a.vpsrld(w, Frame.zmm(w), 4);
    } else {
      a.vpandd(w, w, Frame.zmm(MASK));
    }
  }

  /// Loads 16 four-bit codes and their fifth bits.
  private void fifth(int w, int disp, int v) {
    nibbles(w, disp + 4, v == 1);
    a.kmovw(BITS, f.weight(w, disp + 2 * v));
    a.vpaddd(w, w, FIFTH, BITS);
  }
}
