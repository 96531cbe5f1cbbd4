package dev.nudge.tensor.onednn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.Backends;
import dev.nudge.kernel.Kernels;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.GemmProvider;
import dev.nudge.tensor.RankProducts;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/// Other code computes a kind of products only if it has the library's bits.
class SameBitsTest {
  private static final int RIGHT = RankProducts.KINDS - 1; // numbers that no code uses
  private static final int WRONG = RankProducts.KINDS - 2;
  private static final int GRADIENT = RankProducts.KINDS - 3;
  private static final int VOCABULARY = 1 << 17;
  private static final int FLUSHED = RankProducts.KINDS - 4;
  private static final double NORMAL = 0x1p-126; // the smallest number that is

  /// Takes every product that is added, as one kind.
  private record Code(int kind, Gemm gemm, double factor) implements RankProducts {
    @Override
    public int kind(Tensor a, Tensor b, Tensor c, boolean add) {
      return add ? kind : -1;
    }

    @Override
    public void multiply(int which, Tensor a, Tensor b, Tensor c) {
      gemm.multiply(a, b, c, true);
      c.put(c.elements() - 1, c.at(c.elements() - 1) * factor);
    }
  }

  @Test
  void codeWithTheSameBitsComputes() {
    assertThat(computed(RIGHT, 1)).isEqualTo(16 + 1);
  }

  @Test
  void codeWithOneOtherNumberDoesNot() {
    assertThat(computed(WRONG, 1.5)).isEqualTo(1);
  }

  /// Takes subnormal numbers of a as zeros.
  private record Flushing(Gemm gemm) implements RankProducts {
    @Override
    public int kind(Tensor a, Tensor b, Tensor c, boolean add) {
      return FLUSHED;
    }

    @Override
    public void multiply(int which, Tensor a, Tensor b, Tensor c) {
      for (int r = 0; r < a.rows(); r++) {
        for (int i = 0; i < a.cols(); i++) {
          a.set(r, i, Math.abs(a.get(r, i)) < NORMAL ? 0 : a.get(r, i));
        }
      }
      gemm.multiply(a, b, c, true);
    }
  }

  @Test
  void codeThatTakesSubnormalsOtherwiseDoesNot() {
    try (Gemm gemm = Gemm.plain();
        Scope scope = Scope.open("test")) {
      SameBits bits = new SameBits(gemm, new Flushing(gemm));
      Tensor a = ones(scope, 3, 16);
      assertThat(bits.multiply(a, ones(scope, 16, 32), ones(scope, 3, 32), true)).isFalse();
    }
  }

  /// Takes gradients whose columns are the rank, of one kind.
  private static final class Gradients implements RankProducts {
    private int asked;
    private int compared;

    @Override
    public int kind(Tensor a, Tensor b, Tensor c, boolean add) {
      boolean fits = c.shape(1) == 16;
      assertThat(c.shape(0)).as("rows").isLessThanOrEqualTo(fits ? VOCABULARY : 96);
      return fits ? GRADIENT : -1;
    }

    @Override
    public void multiply(int which, Tensor a, Tensor b, Tensor c) {
      if (c.shape(0) == VOCABULARY) {
        asked++;
        return;
      }
      compared++;
      assertThat(c.elements()).isLessThan(1 << 14);
      try (Gemm gemm = Gemm.plain()) {
        gemm.multiply(a, b, c, true);
      }
    }
  }

  @Test
  void whatIsComparedIsSmallWhateverAsks() {
    Gradients code = new Gradients();
    try (Gemm gemm = Gemm.plain()) {
      Tensor a = Tensor.dry(Dtype.BF16, 64, VOCABULARY).transposed();
      Tensor b = Tensor.dry(Dtype.BF16, 64, 16);
      Tensor c = Tensor.dry(Dtype.F32, VOCABULARY, 16);
      assertThat(new SameBits(gemm, code).multiply(a, b, c, true)).isTrue();
    }
    assertThat(code.compared).isEqualTo(2);
    assertThat(code.asked).isEqualTo(1);
  }

  /// Else no test would tell if all were left to the library.
  @Test
  void eachKindOfMachineCodeHasTheLibrarysBits() throws IOException {
    Backends.orSkip(Compute.BF16); // loads it
    Path info = Path.of("/proc/cpuinfo");
    String flags = Files.exists(info) ? Files.readString(info, StandardCharsets.ISO_8859_1) : "";
    assumeTrue(
        flags.contains(" avx512_bf16 ")
            && flags.contains(" avx512vl ")
            && !flags.contains(" amx_bf16")
            && System.getenv("ONEDNN_MAX_CPU_ISA") == null,
        "needs AVX-512 with bf16 and no AMX: oneDNN computes by other instructions here");
    Kernels.Choice before = Kernels.chosen();
    Kernels.choose(Kernels.Choice.VECTOR);
    try (Gemm gemm = GemmProvider.find().orElseThrow().open(1); // computes all of them itself
        Scope scope = Scope.open("test")) {
      Kernels.choose(Kernels.Choice.AUTO);
      RankProducts code = RankProducts.find().orElseThrow();
      SameBits bits = new SameBits(gemm, code);
      Set<Integer> kinds = new TreeSet<>();
      for (int rank : new int[] {16, 32}) {
        for (Dtype type : new Dtype[] {Dtype.F32, Dtype.BF16}) {
          Tensor s = ones(scope, 64, rank);
          Tensor y = ones(scope, 64, 96);
          Tensor sum = scope.tensor(type, 64, 96);
          Tensor ofA = scope.tensor(Dtype.F32, rank, 96);
          Tensor ofB = scope.tensor(Dtype.F32, 96, rank);
          List<Tensor[]> all =
              List.of(
                  new Tensor[] {s, ones(scope, rank, 96), sum},
                  new Tensor[] {s, ones(scope, 96, rank).transposed(), sum},
                  new Tensor[] {s.transposed(), y, ofA},
                  new Tensor[] {y.transposed(), s, ofB});
          for (Tensor[] t : all) {
            int kind = code.kind(t[0], t[1], t[2], true);
            if (kind >= 0) {
              kinds.add(kind);
              assertThat(bits.multiply(t[0], t[1], t[2], true)).as("kind %d", kind).isTrue();
            }
          }
        }
      }
      assertThat(kinds).containsExactly(0, 1, 2, 3, 4, 5, 6, 7);
    } finally {
      Kernels.choose(before);
    }
  }

  /// 1 + a sum of 16 ones, or 1 if it was not computed.
  private static double computed(int kind, double factor) {
    try (Gemm gemm = Gemm.plain();
        Scope scope = Scope.open("test")) {
      SameBits bits = new SameBits(gemm, new Code(kind, gemm, factor));
      Tensor a = ones(scope, 3, 16);
      Tensor b = ones(scope, 16, 32);
      Tensor c = ones(scope, 3, 32);
      assertThat(bits.multiply(a, b, c, false)).isFalse();
      boolean taken = bits.multiply(a, b, c, true);
      assertThat(bits.multiply(a, b, ones(scope, 3, 32), true)).isEqualTo(taken);
      assertThat(taken).isEqualTo(c.get(0, 0) != 1);
      return c.get(0, 0);
    }
  }

  private static Tensor ones(Scope scope, int rows, int cols) {
    Tensor t = scope.tensor(Dtype.BF16, rows, cols);
    for (long i = 0; i < t.elements(); i++) {
      t.put(i, 1);
    }
    return t;
  }
}
