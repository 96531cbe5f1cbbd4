package dev.nudge.kernel.code;

import java.util.Arrays;

/// Encodes the few x86-64 instructions that the kernels use [1].
///
/// Registers are numbers: general ones 0 to 15 ([#RAX] …), zmm 0 to 31, mask registers k 0 to 7.
/// Methods are named by mnemonic; operands are in Intel's order, the destination first. Vector
/// instructions are 512 bits wide unless the name says otherwise.
///
/// [1] Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, chapter 2 (REX, VEX
/// and EVEX prefixes, ModRM and SIB bytes, disp8·N).
final class Assembler {
  static final int RAX = 0;
  static final int RCX = 1;
  static final int RDX = 2;
  static final int RBX = 3;
  static final int RSP = 4;
  static final int RBP = 5;
  static final int RSI = 6;
  static final int RDI = 7;
  static final int R8 = 8;
  static final int R9 = 9;
  static final int R10 = 10;
  static final int R11 = 11;
  static final int R12 = 12;
  static final int R13 = 13;
  static final int R14 = 14;
  static final int R15 = 15;

  /// Condition of a jump: unsigned below.
  static final int BELOW = 2;

  /// Condition of a jump: equal, or zero.
  static final int EQUAL = 4;

  private static final int NONE = -1;

  private byte[] code = new byte[2048];
  private int size;

  /// An operand: a vector register, or memory.
  sealed interface Operand {}

  /// A vector register.
  record Zmm(int number) implements Operand {}

  /// Memory at base + index·scale + disp.
  ///
  /// @param index general register; -1: none
  /// @param scale 1, 2, 4 or 8
  record Memory(int base, int index, int scale, int disp) implements Operand {
    Memory {
      if (index == RSP || Integer.bitCount(scale) != 1 || scale > 8) {
        throw new IllegalArgumentException("index " + index + ", scale " + scale);
      }
    }

    static Memory at(int base, int disp) {
      return new Memory(base, NONE, 1, disp);
    }
  }

  /// The position of a jump whose target is not known yet.
  record Jump(int end) {}

  /// Returns code.
  byte[] bytes() {
    return Arrays.copyOf(code, size);
  }

  private void put(int... values) {
    if (size + values.length > code.length) {
      code = Arrays.copyOf(code, 2 * code.length);
    }
    for (int v : values) {
      code[size++] = (byte) v;
    }
  }

  private void put32(int v) {
    put(v, v >> 8, v >> 16, v >> 24);
  }

  // Encodings: bit 3 of a register number is in a prefix, bit 4 in EVEX.

  private static int high(int register) {
    return register >> 3 & 1;
  }

  /// ModRM, SIB and displacement.
  ///
  /// @param unit bytes per unit of an 8-bit displacement
  private void modRm(int reg, Memory m, int unit) {
    int base = m.base & 7;
    boolean sib = m.index != NONE || base == RSP;
    boolean none = m.disp == 0 && base != RBP;
    boolean small = m.disp % unit == 0 && (byte) (m.disp / unit) == m.disp / unit;
    int mod = none ? 0 : small ? 1 : 2;
    put(mod << 6 | (reg & 7) << 3 | (sib ? RSP : base));
    if (sib) {
      int index = m.index == NONE ? RSP : m.index & 7;
      put(Integer.numberOfTrailingZeros(m.scale) << 6 | index << 3 | base);
    }
    if (mod == 1) {
      put(m.disp / unit);
    } else if (mod == 2) {
      put32(m.disp);
    }
  }

  /// An instruction with EVEX prefix.
  ///
  /// @param map opcode map: 1 is 0F, 2 is 0F38, 3 is 0F3A
  /// @param prefix 0: none, 1: 66, 2: F3, 3: F2
  /// @param wide the W bit
  /// @param length 0: 128 bits, 2: 512 bits
  /// @param mask k register; 0: none
  /// @param zeroing whether masked lanes become zero (else they keep their value)
  /// @param unit bytes of a memory operand; if broadcast, of one element
  private void evex(
      int map,
      int prefix,
      int wide,
      int length,
      int opcode,
      int reg,
      int source,
      Operand rm,
      int mask,
      boolean zeroing,
      boolean broadcast,
      int unit) {
    int x;
    int b;
    switch (rm) {
      case Memory m -> {
        x = m.index == NONE ? 0 : high(m.index);
        b = high(m.base);
      }
      case Zmm z -> {
        x = z.number >> 4;
        b = high(z.number);
      }
    }
    put(
        0x62,
        (high(reg) ^ 1) << 7 | (x ^ 1) << 6 | (b ^ 1) << 5 | (reg >> 4 ^ 1) << 4 | map,
        wide << 7 | (~source & 15) << 3 | 4 | prefix,
        (zeroing ? 0x80 : 0) | length << 5 | (broadcast ? 0x10 : 0) | (source >> 4 ^ 1) << 3 | mask,
        opcode);
    switch (rm) {
      case Memory m -> modRm(reg, m, unit);
      case Zmm z -> put(0xc0 | (reg & 7) << 3 | z.number & 7);
    }
  }

  private void full(int map, int prefix, int wide, int opcode, int reg, int source, Operand rm) {
    evex(map, prefix, wide, 2, opcode, reg, source, rm, 0, false, false, 64);
  }

  void vmovups(int to, Operand from) {
    full(1, 0, 0, 0x10, to, 0, from);
  }

  /// Loads the dwords of a mask; the others are zero, and their memory is not touched.
  void vmovdqu32(int to, Memory from, int mask) {
    evex(1, 2, 0, 2, 0x6f, to, 0, from, mask, true, false, 64);
  }

  void vpxord(int to, int a, int b) {
    full(1, 1, 0, 0xef, to, a, new Zmm(b));
  }

  void vpandd(int to, int a, Operand b) {
    full(1, 1, 0, 0xdb, to, a, b);
  }

  void vaddps(int to, int a, int b) {
    full(1, 0, 0, 0x58, to, a, new Zmm(b));
  }

  void vsubps(int to, int a, int b) {
    full(1, 0, 0, 0x5c, to, a, new Zmm(b));
  }

  void vmulps(int to, int a, int b) {
    full(1, 0, 0, 0x59, to, a, new Zmm(b));
  }

  /// to = a · (one float, broadcast).
  void vmulpsBroadcast(int to, int a, Memory one) {
    evex(1, 0, 0, 2, 0x59, to, a, one, 0, false, true, 4);
  }

  /// to += a · b.
  void vfmadd231ps(int to, int a, Operand b) {
    full(2, 1, 0, 0xb8, to, a, b);
  }

  /// to += the two products of bf16 in each dword of `a` and `b`: the upper one, then the lower.
  void vdpbf16ps(int to, int a, Operand b) {
    full(2, 2, 0, 0x52, to, a, b);
  }

  /// Like [#vdpbf16ps]; `one` is broadcast.
  void vdpbf16psBroadcast(int to, int a, Memory one) {
    evex(2, 2, 0, 2, 0x52, to, a, one, 0, false, true, 4);
  }

  /// Rounds floats to bf16: `low` into the lower half.
  void vcvtne2ps2bf16(int to, int high, int low) {
    full(2, 3, 0, 0x72, to, high, new Zmm(low));
  }

  /// Selects table lanes by the lower four bits of each dword of `lanes`.
  void vpermps(int to, int lanes, int table) {
    full(2, 1, 0, 0x16, to, lanes, new Zmm(table));
  }

  void vmovupsTo(Memory to, int from) {
    full(1, 0, 0, 0x11, from, 0, to);
  }

  /// Selects from two tables by the lower five bits of each dword of `to`.
  void vpermi2ps(int to, int low, int high) {
    full(2, 1, 0, 0x77, to, low, new Zmm(high));
  }

  void vpaddd(int to, int a, int b) {
    full(1, 1, 0, 0xfe, to, a, new Zmm(b));
  }

  /// to = a + b in the lanes of a mask; the others keep their value.
  void vpaddd(int to, int a, int b, int mask) {
    evex(1, 1, 0, 2, 0xfe, to, a, new Zmm(b), mask, false, false, 64);
  }

  /// to = a >> b, each lane by its own number of bits.
  void vpsrlvd(int to, int a, Operand b) {
    full(2, 1, 0, 0x45, to, a, b);
  }

  /// Sets the mask of lanes that have any bit in common.
  void vptestmd(int mask, int a, int b) {
    full(2, 1, 0, 0x27, mask, a, new Zmm(b));
  }

  /// Sets the mask of lanes that have any bit of a dword, broadcast.
  void vptestmdBroadcast(int mask, int a, Memory one) {
    evex(2, 1, 0, 2, 0x27, mask, a, one, 0, false, true, 4);
  }

  /// to = a + (one float, broadcast).
  void vaddpsBroadcast(int to, int a, Memory one) {
    evex(1, 0, 0, 2, 0x58, to, a, one, 0, false, true, 4);
  }

  /// to = a − (one float, broadcast).
  void vsubpsBroadcast(int to, int a, Memory one) {
    evex(1, 0, 0, 2, 0x5c, to, a, one, 0, false, true, 4);
  }

  /// to = a · 2^b.
  void vscalefps(int to, int a, int b) {
    full(2, 1, 0, 0x2c, to, a, new Zmm(b));
  }

  /// Converts dwords to floats.
  void vcvtdq2ps(int to, int from) {
    full(1, 0, 0, 0x5b, to, 0, new Zmm(from));
  }

  /// Widens 16 half floats, a register's lower half.
  void vcvtph2ps(int to, int from) {
    full(2, 1, 0, 0x13, to, 0, new Zmm(from));
  }

  /// Broadcasts a dword.
  void vpbroadcastd(int to, Memory from) {
    evex(2, 1, 0, 2, 0x58, to, 0, from, 0, false, false, 4);
  }

  /// to = a | b in the lanes of a mask; the others keep their value.
  void vpord(int to, int a, int b, int mask) {
    evex(1, 1, 0, 2, 0xeb, to, a, new Zmm(b), mask, false, false, 64);
  }

  /// Sets the mask of lanes that are NaN.
  void vcmpunordps(int mask, int a, int b) {
    full(1, 0, 0, 0xc2, mask, a, new Zmm(b));
    put(3);
  }

  /// Widens the words of a mask to dwords; the memory of the others is not touched.
  void vpmovzxwd(int to, Memory from, int mask) {
    evex(2, 1, 0, 2, 0x33, to, 0, from, mask, true, false, 32);
  }

  /// Stores the lower words of the dwords of a mask.
  void vpmovdw(Memory to, int from, int mask) {
    evex(2, 2, 0, 2, 0x33, from, 0, to, mask, false, false, 32);
  }

  /// Stores the dwords of a mask.
  void vmovups(Memory to, int from, int mask) {
    evex(1, 0, 0, 2, 0x11, from, 0, to, mask, false, false, 64);
  }

  /// Widens 16 bytes to dwords.
  void vpmovzxbd(int to, Operand from) {
    evex(2, 1, 0, 2, 0x31, to, 0, from, 0, false, false, 16);
  }

  /// Widens 16 signed bytes to dwords.
  void vpmovsxbd(int to, Memory from) {
    evex(2, 1, 0, 2, 0x21, to, 0, from, 0, false, false, 16);
  }

  void vpslld(int to, Operand from, int bits) {
    full(1, 1, 0, 0x72, 6, to, from);
    put(bits);
  }

  void vpsrld(int to, Operand from, int bits) {
    full(1, 1, 0, 0x72, 2, to, from);
    put(bits);
  }

  /// Broadcasts a general register's lower half.
  void vpbroadcastd(int to, int general) {
    full(2, 1, 0, 0x7c, to, 0, new Zmm(general));
  }

  /// to = a with one of its halves replaced by the lower half of b.
  void vinsertf64x4(int to, int a, int b, int half) {
    full(3, 1, 1, 0x1a, to, a, new Zmm(b));
    put(half);
  }

  void vshuff64x2(int to, int a, int b, int select) {
    full(3, 1, 1, 0x23, to, a, new Zmm(b));
    put(select);
  }

  void vshuff32x4(int to, int a, int b, int select) {
    full(3, 1, 0, 0x23, to, a, new Zmm(b));
    put(select);
  }

  void vshufps(int to, int a, int b, int select) {
    full(1, 0, 0, 0xc6, to, a, new Zmm(b));
    put(select);
  }

  /// Extracts or stores four lanes.
  void vextractf32x4(Operand to, int from, int quarter) {
    evex(3, 1, 0, 2, 0x19, from, 0, to, 0, false, false, 16);
    put(quarter);
  }

  /// Adds the lowest four lanes.
  void vaddpsLow(int to, int a, Memory b) {
    evex(1, 0, 0, 0, 0x58, to, a, b, 0, false, false, 16);
  }

  void vpermilps(int to, int from, int select) {
    full(3, 1, 0, 0x04, to, 0, new Zmm(from));
    put(select);
  }

  /// Packs the masked lanes into the lowest.
  void vcompressps(int to, int from, int mask) {
    evex(2, 1, 0, 2, 0x8a, from, 0, new Zmm(to), mask, true, false, 4);
  }

  /// Stores those of the lowest four lanes in the mask.
  void vmovupsLow(Memory to, int from, int mask) {
    evex(1, 0, 0, 0, 0x11, from, 0, to, mask, false, false, 16);
  }

  /// Sets a mask register to a general register's lower 16 bits.
  void kmovw(int mask, int general) {
    if (mask > 7 || general > 7) {
      throw new IllegalArgumentException("k" + mask + ", general register " + general);
    }
    put(0xc5, 0xf8, 0x92, 0xc0 | mask << 3 | general);
  }

  /// Sets a mask register to 16 bits of memory.
  void kmovw(int mask, Memory from) {
    if (mask > 7) {
      throw new IllegalArgumentException("k" + mask);
    }
    int x = from.index == NONE ? 0 : high(from.index);
    int b = high(from.base);
    if (x + b == 0) {
      put(0xc5, 0xf8, 0x90);
    } else {
      put(0xc4, 0x80 | (x ^ 1) << 6 | (b ^ 1) << 5 | 1, 0x78, 0x90);
    }
    modRm(mask, from, 1);
  }

  void vzeroupper() {
    put(0xc5, 0xf8, 0x77);
  }

  // General registers, 64 bits.

  private void rex(int wide, int reg, int index, int base) {
    int x = index == NONE ? 0 : high(index);
    int bits = wide << 3 | high(reg) << 2 | x << 1 | high(base);
    if (bits != 0) {
      put(0x40 | bits);
    }
  }

  void mov(int to, int from) {
    rex(1, from, NONE, to);
    put(0x89, 0xc0 | (from & 7) << 3 | to & 7);
  }

  void mov(int to, Memory from) {
    rex(1, to, from.index, from.base);
    put(0x8b);
    modRm(to, from, 1);
  }

  /// Loads a constant; the upper half becomes zero.
  void movConstant(int to, int v) {
    rex(0, 0, NONE, to);
    put(0xb8 | to & 7);
    put32(v);
  }

  void lea(int to, Memory address) {
    rex(1, to, address.index, address.base);
    put(0x8d);
    modRm(to, address, 1);
  }

  void add(int to, int constant) {
    arithmetic(0, to, constant);
  }

  void sub(int to, int constant) {
    arithmetic(5, to, constant);
  }

  void cmp(int a, int constant) {
    arithmetic(7, a, constant);
  }

  private void arithmetic(int operation, int to, int constant) {
    rex(1, 0, NONE, to);
    boolean small = (byte) constant == constant;
    put(small ? 0x83 : 0x81, 0xc0 | operation << 3 | to & 7);
    if (small) {
      put(constant);
    } else {
      put32(constant);
    }
  }

  void prefetcht0(Memory m) {
    rex(0, 0, m.index, m.base);
    put(0x0f, 0x18);
    modRm(1, m, 1);
  }

  void push(int general) {
    rex(0, 0, NONE, general);
    put(0x50 | general & 7);
  }

  void pop(int general) {
    rex(0, 0, NONE, general);
    put(0x58 | general & 7);
  }

  void ret() {
    put(0xc3);
  }

  /// Returns the target for a jump backwards.
  int here() {
    return size;
  }

  /// Jumps forwards if the condition holds, to where [#land] is called.
  Jump jumpIf(int condition) {
    put(0x0f, 0x80 | condition);
    put32(0);
    return new Jump(size);
  }

  void land(Jump jump) {
    patch(jump.end, size);
  }

  /// Jumps backwards if the condition holds.
  void jumpIf(int condition, int target) {
    patch(jumpIf(condition).end, target);
  }

  void jump(int target) {
    put(0xe9);
    put32(0);
    patch(size, target);
  }

  private void patch(int end, int target) {
    for (int i = 0; i < 4; i++) {
      code[end - 4 + i] = (byte) (target - end >> 8 * i);
    }
  }
}
