package dev.nudge.tensor.onednn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.Backends;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Known products are right in plain Java and here, and one wrong number is seen.
class KnownProductsTest {
  private static final int[] WIDTHS = {96, 160, 14336};

  @Test
  void plainJavaIsRight() {
    try (Gemm plain = Gemm.plain()) {
      for (Dtype in : new Dtype[] {Dtype.F32, Dtype.BF16}) {
        assertThat(KnownProducts.right(plain, KnownProducts.kinds(in))).isTrue();
        assertThat(KnownProducts.right(plain, KnownProducts.layers(in, 96, 160))).isTrue();
      }
    }
  }

  @Test
  void thisMachineIsRightAndNothingIsSwitchedOff() {
    OneDnn provider = new OneDnn();
    assumeTrue(provider.load(Backends.cache()).isEmpty(), "no oneDNN");
    assertThat(provider.distrust(WIDTHS)).isEmpty();
    try (Gemm gemm = provider.open(1)) {
      for (Dtype in : new Dtype[] {Dtype.F32, Dtype.BF16}) {
        if (provider.probe(in) > 0) {
          List<KnownProduct> products = new ArrayList<>(KnownProducts.kinds(in));
          products.addAll(KnownProducts.layers(in, WIDTHS));
          products.addAll(KnownProducts.drawn(in, 60));
          for (KnownProduct product : products) {
            assertThat(product.right(gemm)).as(product.toString()).isTrue();
          }
        }
      }
    }
  }

  @Test
  void aLibraryThatReadsBehindARowIsSeen() {
    try (Gemm wrong = new Wrong((a, b, c) -> c.set(0, 0, c.get(0, 0) + 0 * behind(a)))) {
      assertThat(KnownProducts.right(wrong, KnownProducts.kinds(Dtype.BF16))).isFalse();
    }
  }

  @Test
  void oneWrongNumberAnywhereIsSeen() {
    for (int corner = 0; corner < 4; corner++) {
      int at = corner;
      try (Gemm wrong =
          new Wrong(
              (a, b, c) -> {
                int r = at < 2 ? 0 : c.rows() - 1;
                int q = at % 2 == 0 ? 0 : c.cols() - 1;
                c.set(r, q, -c.get(r, q));
              })) {
        assertThat(KnownProducts.right(wrong, KnownProducts.kinds(Dtype.F32)))
            .as("corner %d", corner)
            .isFalse();
      }
    }
  }

  private static double behind(Tensor a) {
    return a.stride(1) == 1 && a.rows() > 1 && a.rowStride() > a.cols()
        ? a.view(0, new long[] {1, a.cols() + 1}, new long[] {1, 1}).get(0, a.cols())
        : 0;
  }

  private interface Mistake {
    void make(Tensor a, Tensor b, Tensor c);
  }

  /// The plain products with a mistake in matrices.
  private record Wrong(Gemm plain, Mistake mistake) implements Gemm {
    Wrong(Mistake mistake) {
      this(Gemm.plain(), mistake);
    }

    @Override
    public void multiply(Tensor a, Tensor b, Tensor c, boolean add) {
      plain.multiply(a, b, c, add);
      if (c.rank() == 2) {
        mistake.make(a, b, c);
      }
    }

    @Override
    public void close() {
      plain.close();
    }
  }

  /// A library whose products of many rows have other last bits is seen.
  @Test
  void aRowsBitsInOtherCompanyAreCompared() {
    for (Dtype type : List.of(Dtype.F32, Dtype.BF16)) {
      assertThat(KnownProducts.sameInCompany(new Odd(Integer.MAX_VALUE), type)).isTrue();
      assertThat(KnownProducts.sameInCompany(new Odd(300), type)).isFalse();
      assertThat(KnownProducts.sameInCompany(new Odd(1), type)).isFalse();
    }
  }

  /// Gives a number per row that depends on the row, and on the number of rows from `from` on.
  private record Odd(int from) implements Gemm {
    @Override
    public void multiply(Tensor a, Tensor b, Tensor c, boolean add) {
      for (int i = 0; i < c.rows(); i++) {
        for (int j = 0; j < c.cols(); j++) {
          c.set(i, j, a.get(i, 0) * b.get(0, j) + (c.rows() > from ? c.rows() : 0));
        }
      }
    }

    @Override
    public void close() {}
  }
}
