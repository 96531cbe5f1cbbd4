package dev.nudge.kernel.code;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.Backends;
import dev.nudge.Seeds;
import dev.nudge.kernel.Kernels;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.GemmProvider;
import dev.nudge.tensor.Packed;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Random;
import java.util.function.IntSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// Products of an adapter's rank have oneDNN's bits, whichever code computes them, write nothing
/// but their result, and touch no byte behind their tensors.
class CodeRankProductsTest {
  private static final int PAGES = 512 << 12;
  private static final int[] WIDTHS = {576, 1536, 2048, 4096, 8192, 14_336}; // of models
  private static final double[] SPECIAL = {
    Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, Double.NaN
  };
  private static final MemorySegment[] ROOMS = new MemorySegment[4]; // each before a guarded page

  private final Random random = new Random(Seeds.next());
  private final Kernels.Choice before = Kernels.chosen();
  private GemmProvider provider;

  @BeforeEach
  void oneDnnIsThere() {
    Backends.orSkip(Compute.BF16); // loads it
    provider = GemmProvider.find().orElseThrow();
  }

  @AfterEach
  void chooseAsBefore() {
    Kernels.choose(before);
  }

  private Gemm gemm(Kernels.Choice choice) {
    Kernels.choose(choice);
    return provider.open(1);
  }

  /// A product and two copies of what it is added to.
  private final class Case {
    final int form = random.nextInt(6);
    final boolean sums = form >= 4;
    final int rank = sums && random.nextBoolean() ? 32 : 16;
    final boolean special = random.nextInt(6) == 0;
    final Tensor a;
    final Tensor b;
    final Tensor c;
    final Tensor own;
    final long bytes; // before the result in its room
    final MemorySegment drawn; // the result before

    /// @param most rows
    /// @param width columns beside the rank
    Case(int most, int width) {
      boolean slow = form == 4 && rank == 32 && width % 2048 == 0; // left to oneDNN
      int gap = slow || random.nextInt(3) == 0 ? 64 : 0;
      int rows = Math.min(most, PAGES / 4 / (width + gap) / 2 * 2);
      Tensor s = drawn(0, Dtype.BF16, rows, rank, 0);
      Tensor other =
          sums
              ? drawn(1, Dtype.BF16, rows, width, gap)
              : form < 2
                  ? drawn(1, Dtype.BF16, rank, width, gap)
                  : drawn(1, Dtype.BF16, width, rank, 0).transposed();
      a = form == 4 ? s.transposed() : form == 5 ? other.transposed() : s;
      b = form == 5 ? s : other;
      Dtype type = sums || form % 2 == 0 ? Dtype.F32 : Dtype.BF16;
      c = drawn(2, type, a.rows(), b.cols(), form == 5 ? 0 : gap);
      if (special) {
        List.of(a, b, c).forEach(this::putSpecial);
      }
      own = drawn(3, type, a.rows(), b.cols(), form == 5 ? 0 : gap);
      bytes = ROOMS[2].byteSize() - Math.max(c.rowStride(), c.cols()) * c.rows() * type.bytes();
      MemorySegment.copy(ROOMS[2], bytes, ROOMS[3], bytes, ROOMS[2].byteSize() - bytes);
      drawn = MemorySegment.ofArray(ROOMS[2].asSlice(bytes).toArray(ValueLayout.JAVA_BYTE));
    }

    /// Multiplies some rows by some columns by both; the first time all.
    void multiply(CodeRankProducts code, Gemm gemm, boolean all) {
      int rows = sums ? a.cols() : c.rows();
      int width = form == 5 ? c.rows() : c.cols();
      int side = sums ? 16 : 32;
      int even = sums ? 2 : 1;
      int to = all ? rows : even * (1 + random.nextInt(rows / even));
      int from = all ? 0 : to - even * (1 + random.nextInt(to / even));
      int end = all ? width : side * (1 + random.nextInt(width / side));
      int begin = all ? 0 : end - side * (1 + random.nextInt(end / side));
      Tensor left = !sums ? a.rows(from, to) : a.cols(from, to);
      Tensor right = sums ? b.rows(from, to) : b.cols(begin, end);
      left = form == 5 ? left.rows(begin, end) : left;
      right = form == 4 ? right.cols(begin, end) : right;
      int kind = code.kind(left, right, part(own, from, to, begin, end), true);
      assertThat(kind).isNotNegative();
      code.multiply(kind, left, right, part(own, from, to, begin, end));
      by(gemm, left, right, part(c, from, to, begin, end));
      isEqual();
      MemorySegment.copy(drawn, 0, ROOMS[2], bytes, drawn.byteSize());
      MemorySegment.copy(drawn, 0, ROOMS[3], bytes, drawn.byteSize());
    }

    private Tensor part(Tensor result, int from, int to, int begin, int end) {
      return switch (form) {
        case 4 -> result.cols(begin, end);
        case 5 -> result.rows(begin, end);
        default -> result.rows(from, to).cols(begin, end);
      };
    }

    private void putSpecial(Tensor t) {
      for (int i = random.nextInt(3); i > 0; i--) {
        double v = SPECIAL[random.nextInt(SPECIAL.length)];
        t.set(random.nextInt(t.rows()), random.nextInt(t.cols()), v);
      }
    }

    /// Writes each NaN with the same bits: which of two goes on is left open.
    private static void oneNaN(Tensor t) {
      for (int r = 0; r < t.rows(); r++) {
        for (int i = 0; i < t.cols(); i++) {
          if (Double.isNaN(t.get(r, i))) {
            t.set(r, i, Double.NaN);
          }
        }
      }
    }

    void by(Gemm gemm, Tensor result) {
      by(gemm, a, b, result);
    }

    private void by(Gemm gemm, Tensor left, Tensor right, Tensor result) {
      if (sums) {
        gemm.multiply(left, right, result, true);
      } else {
        gemm.multiply(left, Packed.plain(right), result, true);
      }
    }

    void isEqual() {
      if (special && ROOMS[3].asSlice(bytes).mismatch(ROOMS[2].asSlice(bytes)) >= 0) {
        oneNaN(c);
        oneNaN(own);
      }
      assertThat(ROOMS[3].asSlice(bytes).mismatch(ROOMS[2].asSlice(bytes)))
          .as("rank %d, form %d, %s · %s to %s", rank, form, a, b, c)
          .isEqualTo(-1);
    }
  }

  /// Up to twelve times 32 columns, and one time in ten those of a model.
  private int width() {
    return random.nextInt(10) == 0
        ? WIDTHS[random.nextInt(WIDTHS.length)]
        : 32 * (1 + random.nextInt(12));
  }

  /// A matrix that ends where a page begins that may not be touched.
  ///
  /// @param gap numbers before each row
  private Tensor drawn(int room, Dtype dtype, int rows, int cols, int gap) {
    if (ROOMS[room] == null) {
      ROOMS[room] = CodeSkinnyProductTest.guarded(PAGES);
    }
    long bytes = (long) rows * (cols + gap) * dtype.bytes();
    MemorySegment data = ROOMS[room].asSlice(PAGES - bytes, bytes);
    Tensor all = Tensor.of(data, dtype, rows, cols + gap);
    for (long i = 0; i < all.elements(); i++) {
      all.put(i, Math.scalb((float) random.nextInt(1 << 16) - (1 << 15), random.nextInt(8) - 18));
    }
    return all.cols(gap, gap + cols);
  }

  @Test
  void productsHaveOneDnnsBits() {
    compare(150, 1, 192, this::width);
  }

  @Test
  void smallProductsHaveOneDnnsBits() {
    compare(4_000, 400, 6, () -> 32 * (1 + random.nextInt(3)));
  }

  /// As many as `-Dnudge.calls` says, of the smallest sizes: what goes wrong at ends does so there.
  @Tag("slow")
  @Test
  void millionsOfSmallProductsHaveOneDnnsBits() {
    compare(Long.getLong("nudge.calls", 10_000_000), 400, 6, () -> 32 * (1 + random.nextInt(3)));
  }

  /// @param times some of the rows and columns of the same numbers are multiplied, once all
  private void compare(long products, int times, int pairs, IntSupplier width) {
    assumeTrue(
        Cpu.has("avx512_bf16")
            && !Cpu.has("amx_bf16")
            && System.getenv("ONEDNN_MAX_CPU_ISA") == null,
        "needs AVX-512 with bf16 and no AMX: oneDNN computes by other instructions here");
    try (Gemm gemm = gemm(Kernels.Choice.VECTOR)) {
      Kernels.choose(Kernels.Choice.AUTO);
      CodeRankProducts code = new CodeRankProducts();
      for (long done = 0; done < products; done += times) {
        Case c = new Case(2 * (1 + random.nextInt(pairs)), width.getAsInt());
        for (int i = 0; i < times; i++) {
          c.multiply(code, gemm, i == 0);
        }
      }
    }
  }

  /// On any machine, with any number of rows.
  @Test
  void aGemmHasTheSameBitsWithAndWithoutThem() {
    try (Gemm with = gemm(Kernels.Choice.AUTO);
        Gemm without = gemm(Kernels.Choice.VECTOR)) {
      for (int i = 0; i < 100; i++) {
        Case c = new Case(1 + random.nextInt(500), width());
        c.by(with, c.own);
        c.by(without, c.c);
        c.isEqual();
      }
    }
  }

  @Test
  void otherProductsAreLeftToTheLibrary() {
    Kernels.choose(Kernels.Choice.AUTO);
    CodeRankProducts code = new CodeRankProducts();
    Tensor s = Tensor.dry(Dtype.BF16, 64, 16);
    Tensor f = Tensor.dry(Dtype.BF16, 16, 96);
    Tensor y = Tensor.dry(Dtype.BF16, 64, 96);
    Tensor sums = Tensor.dry(Dtype.F32, 16, 96);
    if (code.kind(s, f, y, true) >= 0) { // there is machine code: nothing else refuses these
      assertThat(code.kind(s.transposed(), y, sums, true)).isNotNegative();
    }
    assertThat(code.kind(s, f, y, false)).as("not added").isNegative();
    assertThat(code.kind(s, f.cols(0, 80), y.cols(0, 80), true)).as("80 columns").isNegative();
    assertThat(code.kind(Tensor.dry(Dtype.BF16, 64, 24).cols(0, 16), f, y, true)).isNegative();
    assertThat(code.kind(y, f.transposed(), s, true)).as("to rank").isNegative();
    Tensor odd = s.rows(0, 63).transposed();
    assertThat(code.kind(odd, y.rows(0, 63), Tensor.dry(Dtype.F32, 16, 96), true)).isNegative();
    assertThat(
            code.kind(
                Tensor.dry(Dtype.F32, 64, 16),
                Tensor.dry(Dtype.F32, 16, 96),
                Tensor.dry(Dtype.F32, 64, 96),
                true))
        .as("fp32")
        .isNegative();
    for (Dtype other : new Dtype[] {Dtype.F16, Dtype.F64, Dtype.I16, Dtype.F32}) {
      Tensor wrong = Tensor.dry(other, 16, 96);
      assertThat(code.kind(s, wrong, y, true)).as("%s to be added", other).isNegative();
      assertThat(code.kind(s.transposed(), Tensor.dry(other, 64, 96), sums, true))
          .as("%s summed", other)
          .isNegative();
      if (other != Dtype.F32) {
        Tensor to = Tensor.dry(other, 64, 96);
        assertThat(code.kind(s, f, to, true)).as("added to %s", other).isNegative();
        assertThat(code.kind(s.transposed(), y, wrong, true)).as("sums %s", other).isNegative();
      }
    }
    Tensor fixed = Tensor.of(y.data().asReadOnly(), Dtype.BF16, 64, 96);
    assertThat(code.kind(s, f, fixed, true)).as("read-only").isNegative();
    Tensor heap = Tensor.of(MemorySegment.ofArray(new byte[2048]), Dtype.BF16, 64, 16);
    assertThat(code.kind(heap, f, y, true)).as("memory of the heap").isNegative();
    Kernels.choose(Kernels.Choice.VECTOR);
    assertThat(new CodeRankProducts().kind(s, f, y, true)).as("no machine code").isNegative();
  }
}
