package dev.nudge.kernel.code;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.kernel.code.Assembler.Memory;
import dev.nudge.kernel.code.Assembler.Zmm;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;

/// Every instruction with registers and memory of all kinds has the bytes that GNU as gives it
/// (`src/test/reference/instructions.sh`, which assembles the left column of the recorded file).
class AssemblerTest {
  private static final String RECORDED = "instructions.txt";
  private static final String[] GENERAL = {
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15"
  };
  private static final String[] HALVES = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
  private static final int[] VECTORS = {0, 7, 8, 15, 16, 31};

  private static final List<Memory> MEMORY =
      List.of(
          Memory.at(Assembler.RDI, 0),
          Memory.at(Assembler.RBP, 0),
          Memory.at(Assembler.R13, 64),
          Memory.at(Assembler.RSP, 128),
          Memory.at(Assembler.R12, -64),
          Memory.at(Assembler.R9, 4096),
          Memory.at(Assembler.RSI, 20),
          new Memory(Assembler.RDI, Assembler.R10, 1, 4096),
          new Memory(Assembler.RBP, Assembler.RBX, 4, 0),
          new Memory(Assembler.R8, Assembler.R14, 2, 192),
          new Memory(Assembler.R15, Assembler.RAX, 8, -8192));

  private final Map<String, byte[]> made = new LinkedHashMap<>();

  private static String text(Memory m) {
    String index = m.index() < 0 ? "" : "+" + GENERAL[m.index()] + "*" + m.scale();
    String disp = m.disp() == 0 ? "" : (m.disp() < 0 ? "" : "+") + m.disp();
    return "[" + GENERAL[m.base()] + index + disp + "]";
  }

  private void add(String text, java.util.function.Consumer<Assembler> instruction) {
    Assembler a = new Assembler();
    instruction.accept(a);
    made.put(text, a.bytes());
  }

  private interface Three {
    void put(Assembler a, int to, int from, Assembler.Operand operand);
  }

  private void three(String name, boolean memory, Three instruction) {
    for (int v : VECTORS) {
      for (int w : VECTORS) {
        int other = 31 - w;
        add(
            "%s zmm%d, zmm%d, zmm%d".formatted(name, v, w, other),
            a -> instruction.put(a, v, w, new Zmm(other)));
      }
      if (memory) {
        for (Memory m : MEMORY) {
          add(
              "%s zmm%d, zmm%d, zmmword ptr %s".formatted(name, v, 31 - v, text(m)),
              a -> instruction.put(a, v, 31 - v, m));
        }
      }
    }
  }

  private void loads(String format, BiConsumer<Assembler, Memory> instruction) {
    for (Memory m : MEMORY) {
      add(format.formatted(text(m)), a -> instruction.accept(a, m));
    }
  }

  private void all() {
    three("vpandd", true, Assembler::vpandd);
    three("vfmadd231ps", true, Assembler::vfmadd231ps);
    three("vpsrlvd", true, Assembler::vpsrlvd);
    three("vpxord", false, (a, to, x, y) -> a.vpxord(to, x, ((Zmm) y).number()));
    three("vaddps", false, (a, to, x, y) -> a.vaddps(to, x, ((Zmm) y).number()));
    three("vsubps", false, (a, to, x, y) -> a.vsubps(to, x, ((Zmm) y).number()));
    three("vmulps", false, (a, to, x, y) -> a.vmulps(to, x, ((Zmm) y).number()));
    three("vpaddd", false, (a, to, x, y) -> a.vpaddd(to, x, ((Zmm) y).number()));
    three("vdpbf16ps", true, Assembler::vdpbf16ps);
    three("vcvtne2ps2bf16", false, (a, to, x, y) -> a.vcvtne2ps2bf16(to, x, ((Zmm) y).number()));
    three("vpermi2ps", false, (a, to, x, y) -> a.vpermi2ps(to, x, ((Zmm) y).number()));
    three("vpermps", false, (a, to, x, y) -> a.vpermps(to, x, ((Zmm) y).number()));
    three("vscalefps", false, (a, to, x, y) -> a.vscalefps(to, x, ((Zmm) y).number()));
    for (int v : VECTORS) {
      int w = 31 - v;
      loads("vmovups zmm" + v + ", zmmword ptr %s", (a, m) -> a.vmovups(v, m));
      loads("vmovups zmmword ptr %s, zmm" + v, (a, m) -> a.vmovupsTo(m, v));
      loads("{evex} vmovups xmmword ptr %s, xmm" + v, (a, m) -> a.vmovupsLow(m, v, 0));
      loads("vmovups xmmword ptr %s {k6}, xmm" + v, (a, m) -> a.vmovupsLow(m, v, 6));
      loads("vmovdqu32 zmm" + v + " {k1} {z}, zmmword ptr %s", (a, m) -> a.vmovdqu32(v, m, 1));
      loads("vmovups zmmword ptr %s {k1}, zmm" + v, (a, m) -> a.vmovups(m, v, 1));
      loads("vpmovzxwd zmm" + v + " {k1} {z}, ymmword ptr %s", (a, m) -> a.vpmovzxwd(v, m, 1));
      loads("vpmovdw ymmword ptr %s {k1}, zmm" + v, (a, m) -> a.vpmovdw(m, v, 1));
      add("vpord zmm%d {k2}, zmm%d, zmm%d".formatted(v, w, v), a -> a.vpord(v, w, v, 2));
      add("vcmpunordps k2, zmm%d, zmm%d".formatted(v, w), a -> a.vcmpunordps(2, v, w));
      add("vpaddd zmm%d {k3}, zmm%d, zmm%d".formatted(v, w, v), a -> a.vpaddd(v, w, v, 3));
      loads(
          "vptestmd k3, zmm" + v + ", dword ptr %s{1to16}", (a, m) -> a.vptestmdBroadcast(3, v, m));
      loads(
          "vaddps zmm" + v + ", zmm" + w + ", dword ptr %s{1to16}",
          (a, m) -> a.vaddpsBroadcast(v, w, m));
      loads(
          "vsubps zmm" + v + ", zmm" + w + ", dword ptr %s{1to16}",
          (a, m) -> a.vsubpsBroadcast(v, w, m));
      loads(
          "vdpbf16ps zmm" + v + ", zmm" + w + ", dword ptr %s{1to16}",
          (a, m) -> a.vdpbf16psBroadcast(v, w, m));
      loads("vpbroadcastd zmm" + v + ", dword ptr %s", (a, m) -> a.vpbroadcastd(v, m));
      loads("vpmovsxbd zmm" + v + ", xmmword ptr %s", (a, m) -> a.vpmovsxbd(v, m));
      add("vpmovzxbd zmm%d, xmm%d".formatted(v, w), a -> a.vpmovzxbd(v, new Zmm(w)));
      add("vcvtdq2ps zmm%d, zmm%d".formatted(v, w), a -> a.vcvtdq2ps(v, w));
      add("vcvtph2ps zmm%d, ymm%d".formatted(v, w), a -> a.vcvtph2ps(v, w));
      loads("vpslld zmm" + v + ", zmmword ptr %s, 16", (a, m) -> a.vpslld(v, m, 16));
      loads("vpmovzxbd zmm" + v + ", xmmword ptr %s", (a, m) -> a.vpmovzxbd(v, m));
      loads(
          "vmulps zmm" + v + ", zmm" + w + ", dword ptr %s{1to16}",
          (a, m) -> a.vmulpsBroadcast(v, w, m));
      loads("vextractf32x4 xmmword ptr %s, zmm" + v + ", 3", (a, m) -> a.vextractf32x4(m, v, 3));
      add("vextractf32x4 xmm%d, zmm%d, 2".formatted(v, w), a -> a.vextractf32x4(new Zmm(v), w, 2));
      loads(
          "{evex} vaddps xmm" + v + ", xmm" + w + ", xmmword ptr %s",
          (a, m) -> a.vaddpsLow(v, w, m));
      add("vshufps zmm%d, zmm%d, zmm%d, 221".formatted(v, w, v), a -> a.vshufps(v, w, v, 221));
      add("vmovups zmm%d, zmm%d".formatted(v, w), a -> a.vmovups(v, new Zmm(w)));
      add("vpslld zmm%d, zmm%d, 16".formatted(v, w), a -> a.vpslld(v, new Zmm(w), 16));
      add("vpsrld zmm%d, zmm%d, 4".formatted(v, w), a -> a.vpsrld(v, new Zmm(w), 4));
      add("vpermilps zmm%d, zmm%d, 78".formatted(v, w), a -> a.vpermilps(v, w, 78));
      add("vcompressps zmm%d {k7} {z}, zmm%d".formatted(v, w), a -> a.vcompressps(v, w, 7));
      add("vpbroadcastd zmm%d, eax".formatted(v), a -> a.vpbroadcastd(v, Assembler.RAX));
      add("vpbroadcastd zmm%d, r13d".formatted(v), a -> a.vpbroadcastd(v, Assembler.R13));
      add(
          "vinsertf64x4 zmm%d, zmm%d, ymm%d, 1".formatted(v, w, v),
          a -> a.vinsertf64x4(v, w, v, 1));
      add(
          "vshuff64x2 zmm%d, zmm%d, zmm%d, 238".formatted(v, w, v),
          a -> a.vshuff64x2(v, w, v, 238));
      add(
          "vshuff32x4 zmm%d, zmm%d, zmm%d, 136".formatted(v, w, v),
          a -> a.vshuff32x4(v, w, v, 136));
      add("vptestmd k1, zmm%d, zmm%d".formatted(v, w), a -> a.vptestmd(1, v, w));
    }
    for (int r = 0; r < 16; r++) {
      int reg = r;
      String name = GENERAL[r];
      loads("mov " + name + ", qword ptr %s", (a, m) -> a.mov(reg, m));
      loads("lea " + name + ", %s", (a, m) -> a.lea(reg, m));
      add("mov " + name + ", r9", a -> a.mov(reg, Assembler.R9));
      add("add " + name + ", 64", a -> a.add(reg, 64));
      add("cmp " + name + ", -128", a -> a.cmp(reg, -128));
      add("push " + name, a -> a.push(reg));
      add("pop " + name, a -> a.pop(reg));
      if (r > 0) { // as has a shorter form for rax
        add("sub " + name + ", 4096", a -> a.sub(reg, 4096));
      }
      if (r < 8) {
        add("mov " + HALVES[r] + ", 305419896", a -> a.movConstant(reg, 305419896));
        add("kmovw k" + r + ", " + HALVES[r], a -> a.kmovw(reg, reg));
        loads("kmovw k" + r + ", word ptr %s", (a, m) -> a.kmovw(reg, m));
      }
    }
    loads("prefetcht0 byte ptr %s", Assembler::prefetcht0);
    add("vzeroupper", Assembler::vzeroupper);
    add("ret", Assembler::ret);
  }

  @Test
  void everyInstructionHasTheBytesOfGnuAs() throws IOException {
    all();
    Map<String, String> recorded = new LinkedHashMap<>();
    try (InputStream in = AssemblerTest.class.getResourceAsStream(RECORDED)) {
      for (String line : new String(in.readAllBytes(), StandardCharsets.UTF_8).split("\n")) {
        String[] both = line.split("\t", -1);
        recorded.put(both[0], both[1]);
      }
    }
    List<String> wrong = new ArrayList<>();
    made.forEach(
        (text, bytes) -> {
          String hex = HexFormat.of().formatHex(bytes);
          if (!hex.equals(recorded.get(text))) {
            wrong.add(text + ": " + hex + ", as: " + recorded.get(text));
          }
        });
    assertThat(wrong).isEmpty();
    assertThat(made.keySet()).isEqualTo(recorded.keySet());
  }

  @Test
  void aJumpLandsWhereItSays() {
    Assembler a = new Assembler();
    int back = a.here();
    Assembler.Jump forward = a.jumpIf(Assembler.EQUAL); // 6 bytes
    a.ret();
    a.land(forward);
    a.jumpIf(Assembler.BELOW, back); // at 7, ends at 13
    a.jump(back); // ends at 18
    assertThat(HexFormat.of().formatHex(a.bytes()))
        .isEqualTo("0f8401000000" + "c3" + "0f82f3ffffff" + "e9eeffffff");
  }

  @Test
  void thereIsNoIndexOfTheStackPointer() {
    assertThatThrownBy(() -> new Memory(Assembler.RAX, Assembler.RSP, 1, 0))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new Memory(Assembler.RAX, Assembler.RBX, 3, 0))
        .isInstanceOf(IllegalArgumentException.class);
  }

  /// Writes the left column for `instructions.sh`.
  public static void main(String[] args) {
    AssemblerTest test = new AssemblerTest();
    test.all();
    test.made.keySet().forEach(System.out::println);
  }
}
