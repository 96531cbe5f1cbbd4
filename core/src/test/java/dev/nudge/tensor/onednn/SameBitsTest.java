package dev.nudge.tensor.onednn;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.RankProducts;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import org.junit.jupiter.api.Test;

/// Other code computes a kind of products only if it has the library's bits.
class SameBitsTest {
  private static final int RIGHT = RankProducts.KINDS - 1; // numbers that no code uses
  private static final int WRONG = RankProducts.KINDS - 2;

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
