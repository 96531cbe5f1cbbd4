package dev.nudge.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Seeds;
import dev.nudge.quant.Nf4Weight;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// Products of few rows against sums in double; odd shapes, NaN beside what is read.
class SkinnyProductTest {
  private final Kernels kernels = Kernels.fastest();
  private final SkinnyProduct fast = kernels.fewRows();
  private final SkinnyProduct plain = new SkinnyProduct.Plain();
  private final Random random = new Random(Seeds.next());

  @Test
  void aDenseWeightOfAnyShape() {
    for (Dtype dtype : List.of(Dtype.BF16, Dtype.F32)) {
      for (int cols : new int[] {2, 6, 30, 32, 34, 64, 94, 576, 1000, 2080, 2082}) {
        for (int rows : new int[] {1, 2, 4, 5, 9}) {
          try (Scope scope = Scope.open("test")) {
            check(new SkinnyProduct.Dense(between(scope, dtype, 11, cols)), rows, dtype, scope);
          }
        }
      }
    }
  }

  @Test
  void aWeightThatIsReadByRows() {
    for (Dtype compute : List.of(Dtype.BF16, Dtype.F32)) {
      for (int cols : new int[] {2, 32, 35, 256, 2080}) {
        for (int rows : new int[] {1, 2, 5}) {
          try (Scope scope = Scope.open("test")) {
            Tensor source = noise(scope.tensor(Dtype.F32, 11, cols));
            Tensor made = scope.tensor(compute, 11, cols);
            kernels.elementwise().copy(source, made);
            columns(byRow(source), made, compute, scope);
            check(byRow(source), rows, compute, scope);
          }
        }
      }
    }
  }

  private static SkinnyProduct.Weight byRow(Tensor source) {
    int bytes = 4 * source.cols();
    return new SkinnyProduct.ByRow(
        source.rows(),
        source.cols(),
        source.bytes(),
        (row, to, start) -> MemorySegment.copy(source.data(), (long) row * bytes, to, start, bytes),
        null);
  }

  @Test
  void anOddRowOfBf16IsLeftToTheProductsOfMatrices() {
    try (Scope scope = Scope.open("test")) {
      Tensor w = scope.tensor(Dtype.BF16, 4, 6);
      assertThat(fast.takes(new SkinnyProduct.Dense(w), Dtype.BF16)).isTrue();
      if (!kernels.name().equals(Kernels.PLAIN)) {
        assertThat(fast.takes(new SkinnyProduct.Dense(w.cols(0, 5)), Dtype.BF16)).isFalse();
        assertThat(fast.takes(new SkinnyProduct.Dense(w.transposed()), Dtype.BF16)).isFalse();
      }
    }
  }

  @Test
  void aWeightOfFourBitsHasTheNumbersThatItIsMadeOf() {
    for (Dtype compute : List.of(Dtype.BF16, Dtype.F32)) {
      for (boolean nested : new boolean[] {false, true}) {
        for (int[] shape : new int[][] {{3, 64}, {70, 192}, {300, 576}, {5, 64 * 300}}) {
          try (Scope scope = Scope.open("test")) {
            Tensor source = noise(scope.tensor(Dtype.F32, shape[0], shape[1]));
            Nf4Weight weight = Nf4Weight.quantize(source, nested, scope, kernels);
            Tensor made = scope.tensor(compute, shape[0], shape[1]);
            try (Workspace ws = new Workspace(0, 1 << 20, Gemm.plain())) {
              weight.make(0, shape[0], made, ws, kernels);
            }
            columns(weight.few(), made, compute, scope);
            check(weight.few(), 1, compute, scope);
            check(weight.few(), 6, compute, scope);
          }
        }
      }
    }
  }

  @Test
  void codesInGroupsHaveTheNumbersThatTheyAreMadeOf() {
    for (Dtype compute : List.of(Dtype.BF16, Dtype.F32)) {
      for (int bits : new int[] {4, 8}) {
        // shape and group; groups of whole strips, of a whole row, short last ones, odd ones
        for (int[] s :
            new int[][] {{3, 64, 32}, {70, 192, 64}, {5, 160, 128}, {9, 96, 96}, {4, 50, 9}}) {
          for (boolean ordered : new boolean[] {false, true}) {
            try (Scope scope = Scope.open("test")) {
              SkinnyProduct.Grouped w = grouped(s[0], s[1], bits, s[2], ordered, scope);
              Tensor made = scope.tensor(compute, s[0], s[1]);
              kernels.groupedCodes().dequantize(w, 0, s[0], made);
              assertThat(fast.takes(w, compute))
                  .isEqualTo(s[2] % 32 == 0 || kernels.name().equals(Kernels.PLAIN));
              columns(w, made, compute, scope);
              check(w, 1, compute, scope);
              check(w, 6, compute, scope);
            }
          }
        }
      }
    }
  }

  /// Powers before and behind its own are infinite.
  @Test
  void aWeightInMxfp4HasTheNumbersThatItIsMadeOf() {
    for (Dtype compute : List.of(Dtype.BF16, Dtype.F32)) {
      for (int[] s : new int[][] {{1, 32}, {3, 64}, {70, 96}, {19, 160}, {5, 2880}}) {
        try (Scope scope = Scope.open("test")) {
          Tensor codes = scope.tensor(Dtype.U8, s[0], s[1] / 2);
          Tensor powers = scope.tensor(Dtype.U8, s[0] + 2, s[1] / Mxfp4.BLOCK);
          for (long i = 0; i < codes.elements(); i++) {
            codes.put(i, random.nextInt(256));
          }
          for (long i = 0; i < powers.elements(); i++) {
            powers.put(i, 255);
          }
          Tensor own = powers.rows(1, s[0] + 1);
          for (long i = 0; i < own.elements(); i++) {
            own.put(i, 118 + random.nextInt(9));
          }
          SkinnyProduct.Powers w = new SkinnyProduct.Powers(codes, own);
          Tensor made = scope.tensor(compute, s[0], s[1]);
          kernels.groupedCodes().dequantize(w, 0, s[0], made);
          assertThat(fast.takes(w, compute)).isTrue();
          columns(w, made, compute, scope);
          check(w, 1, compute, scope);
          check(w, 6, compute, scope);
        }
      }
    }
  }

  @Test
  void rowsArrangedForOneOrderOfColumnsSuitNoOther() {
    try (Scope scope = Scope.open("test")) {
      SkinnyProduct.Grouped plain4 = grouped(3, 64, 4, 32, false, scope);
      SkinnyProduct.Grouped ordered = grouped(3, 64, 4, 32, true, scope);
      SkinnyProduct.Grouped other = grouped(3, 64, 4, 32, true, scope);
      assertThat(fast.alike(plain4, grouped(5, 64, 4, 64, false, scope))).isTrue();
      assertThat(fast.alike(ordered, ordered)).isTrue();
      if (!kernels.name().equals(Kernels.PLAIN)) {
        assertThat(fast.alike(plain4, ordered)).isFalse();
        assertThat(fast.alike(ordered, other)).isFalse();
        assertThat(fast.alike(plain4, grouped(3, 64, 8, 32, false, scope))).isFalse();
      }
    }
  }

  private SkinnyProduct.Grouped grouped(
      int rows, int cols, int bits, int group, boolean ordered, Scope scope) {
    int groups = Math.ceilDiv(cols, group);
    Tensor codes = scope.tensor(Dtype.U8, rows, Math.ceilDiv(cols * bits, 8));
    Tensor zeros = scope.tensor(Dtype.U8, rows, groups);
    for (long i = 0; i < codes.elements(); i++) {
      codes.put(i, random.nextInt(256));
    }
    for (long i = 0; i < zeros.elements(); i++) {
      zeros.put(i, random.nextInt(1 << bits));
    }
    Tensor scales = noise(scope.tensor(Dtype.F32, rows, groups));
    for (long i = 0; i < scales.elements(); i++) {
      scales.put(i, scales.at(i) / (1 << bits));
    }
    Tensor order = null;
    if (ordered) {
      List<Integer> columns = new ArrayList<>(IntStream.range(0, cols).boxed().toList());
      Collections.shuffle(columns, random);
      order = scope.tensor(Dtype.I32, 1, cols);
      for (int i = 0; i < cols; i++) {
        order.put(i, columns.get(i));
      }
    }
    return new SkinnyProduct.Grouped(rows, cols, bits, group, codes, scales, zeros, order);
  }

  /// The product with a row of the unit matrix is a column of the weight, to the bit.
  private void columns(SkinnyProduct.Weight few, Tensor made, Dtype compute, Scope scope) {
    Tensor one = scope.tensor(compute, 1, few.cols());
    for (int col = 0; col < few.cols(); col += 1 + few.cols() / 50) {
      one.set(0, col, 1);
      for (SkinnyProduct by : List.of(plain, fast)) {
        if (by.takes(few, compute)) {
          Tensor y = product(by, one, few, compute, 0, few.rows(), scope);
          for (int row = 0; row < few.rows(); row++) {
            assertThat(y.get(0, row)).isEqualTo(made.get(row, col));
          }
        }
      }
      one.set(0, col, 0);
    }
  }

  /// Against sums in double; and each row has the bits that it has alone, in parts too.
  private void check(SkinnyProduct.Weight w, int rows, Dtype compute, Scope scope) {
    if (!fast.takes(w, compute)) {
      return;
    }
    int out = w.rows();
    Tensor x = between(scope, compute, rows, w.cols());
    Tensor got = product(fast, x, w, compute, 0, out, scope);
    Tensor want = scope.tensor(Dtype.F64, rows, out);
    plain.multiply(x, w, compute, 0, out, want, false);
    for (int r = 0; r < rows; r++) {
      Tensor alone = product(fast, x.rows(r, r + 1), w, compute, 0, out, scope);
      Tensor start = product(fast, x.rows(r, r + 1), w, compute, 0, out / 2, scope);
      for (int o = 0; o < out; o++) {
        assertThat(got.get(r, o)).isCloseTo(want.get(r, o), within(1e-6 * w.cols()));
        assertThat(alone.get(0, o)).isEqualTo(got.get(r, o));
        double half = o < out / 2 ? got.get(r, o) : Double.NaN;
        assertThat(Double.compare(start.get(0, o), half)).isZero();
      }
    }
    Tensor sum = scope.tensor(Dtype.BF16, rows, out);
    fill(sum, 1);
    multiply(fast, x, w, compute, 0, out, sum, true);
    for (int r = 0; r < rows; r++) {
      for (int o = 0; o < out; o++) {
        double exact = 1 + got.get(r, o);
        assertThat(sum.get(r, o)).isCloseTo(exact, within(Math.abs(exact) / 256 + 1e-6));
      }
    }
  }

  @Test
  void aWarmCallAllocatesNothingOfTheWeightsSize() {
    if (kernels.name().equals(Kernels.PLAIN)) {
      return; // slow, and of no interest
    }
    try (Scope scope = Scope.open("test");
        Workspace ws = new Workspace(0, 1 << 20, Gemm.plain())) {
      Tensor source = noise(scope.tensor(Dtype.F32, 128, 256));
      Tensor low = scope.tensor(Dtype.BF16, 128, 256);
      kernels.elementwise().copy(source, low);
      Nf4Weight nf4 = Nf4Weight.quantize(source, true, scope, kernels);
      Tensor x = scope.tensor(Dtype.BF16, 4, 256);
      Tensor y = scope.tensor(Dtype.BF16, 4, 128);
      List<SkinnyProduct.Weight> weights =
          List.of(
              nf4.few(),
              new SkinnyProduct.Dense(low),
              new SkinnyProduct.Dense(source),
              byRow(source),
              grouped(128, 256, 4, 64, true, scope),
              grouped(128, 256, 8, 64, false, scope),
              new SkinnyProduct.Powers(
                  scope.tensor(Dtype.U8, 128, 128), scope.tensor(Dtype.U8, 128, 8)));
      // a vector a row may stay in the heap where the compiler has seen many kinds of weights
      long most = 999 + 64 * 128;
      for (SkinnyProduct.Weight w : weights) {
        for (int rows : new int[] {1, 4}) {
          Tensor some = x.rows(0, rows);
          Tensor to = y.rows(0, rows);
          if (fast.takes(w, Dtype.BF16)) {
            ws.reset();
            Tensor arranged = fast.arranged(some, w, ws);
            Runnable call = () -> fast.multiply(arranged, w, Dtype.BF16, 0, 128, to, false);
            assertThat(CompilerWork.quietCalls(1, most, call))
                .as("%s, %d rows: a call without garbage", w, rows)
                .isEqualTo(1);
          }
        }
      }
    }
  }

  private Tensor product(
      SkinnyProduct by,
      Tensor x,
      SkinnyProduct.Weight w,
      Dtype compute,
      int from,
      int to,
      Scope scope) {
    Tensor y = scope.tensor(Dtype.F32, x.rows(), w.rows());
    fill(y, Double.NaN);
    multiply(by, x, w, compute, from, to, y, false);
    return y;
  }

  private static void multiply(
      SkinnyProduct by,
      Tensor x,
      SkinnyProduct.Weight w,
      Dtype compute,
      int from,
      int to,
      Tensor y,
      boolean add) {
    try (Workspace ws = new Workspace(0, 1 << 20, Gemm.plain())) {
      by.multiply(by.arranged(x, w, ws), w, compute, from, to, y, add);
    }
  }

  private Tensor noise(Tensor t) {
    for (int r = 0; r < t.rows(); r++) {
      for (int c = 0; c < t.cols(); c++) {
        t.set(r, c, random.nextGaussian());
      }
    }
    return t;
  }

  /// Random numbers between columns of NaN.
  private Tensor between(Scope scope, Dtype dtype, int rows, int cols) {
    Tensor all = scope.tensor(dtype, rows, cols + 2);
    fill(all, Double.NaN);
    return noise(all.cols(1, cols + 1));
  }

  private static void fill(Tensor t, double value) {
    for (int r = 0; r < t.rows(); r++) {
      for (int c = 0; c < t.cols(); c++) {
        t.set(r, c, value);
      }
    }
  }

  /// Machine code would read beyond the shorter one.
  @Test
  void partsOfMxfp4ThatDoNotFitAreRefused() {
    Tensor codes = Tensor.dry(Dtype.U8, 8, 64);
    Tensor powers = Tensor.dry(Dtype.U8, 8, 4);
    assertThat(new SkinnyProduct.Powers(codes, powers).cols()).isEqualTo(128);
    Tensor across = Tensor.dry(Dtype.U8, 4, 8).transposed();
    for (Tensor[] parts :
        new Tensor[][] {
          {codes, Tensor.dry(Dtype.U8, 7, 4)},
          {codes, Tensor.dry(Dtype.U8, 8, 3)},
          {codes, Tensor.dry(Dtype.U8, 8, 5)},
          {codes, Tensor.dry(Dtype.U8, 32)},
          {Tensor.dry(Dtype.U8, 8, 65), powers},
          {Tensor.dry(Dtype.I8, 8, 64), powers},
          {codes, Tensor.dry(Dtype.F32, 8, 4)},
          {Tensor.dry(Dtype.U8, 64, 8).transposed(), powers},
          {codes, across}
        }) {
      assertThatIllegalArgumentException()
          .as("%s, %s", parts[0], parts[1])
          .isThrownBy(() -> new SkinnyProduct.Powers(parts[0], parts[1]))
          .withMessageContaining("no MXFP4 weight");
    }
  }
}
