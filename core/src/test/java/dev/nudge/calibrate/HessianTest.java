package dev.nudge.calibrate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.Objects;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class HessianTest {
  private final Gemm gemm = Gemm.plain();

  @Test
  void theFactorTimesItsTransposeIsTheDampedSumInOrder() {
    try (Scope scope = Scope.open("test")) {
      int n = 150; // blocks of 64, 64 and 22
      Tensor x = Cases.inputs(400, n, 1, scope);
      for (int t = 0; t < x.rows(); t++) {
        x.set(t, 7, 0);
      }
      Hessian h = Cases.seen(x, scope);
      double mean = IntStream.range(0, n).mapToDouble(h::diagonal).sum() / n;
      int[] order = IntStream.range(0, n).map(i -> (i * 7 + 3) % n).toArray();
      Tensor r = Objects.requireNonNull(h.factor(0.01, order, gemm, scope));
      for (int i = 0; i < n; i++) {
        for (int j = i; j < n; j++) {
          double sum = 0;
          for (int k = j; k < n; k++) {
            sum += r.get(i, k) * r.get(j, k);
          }
          double dead = order[i] == 7 ? 1 : 0;
          double wanted = h.block(0, n).get(order[i], order[j]) + (i == j ? 0.01 * mean + dead : 0);
          double size = Math.sqrt(h.diagonal(order[i]) * h.diagonal(order[j])) + mean;
          assertThat(sum).isCloseTo(wanted, within(1e-5 * size));
        }
      }
    }
  }

  @Test
  void noFactorOfWhatIsNotPositiveDefinite() {
    try (Scope scope = Scope.open("test")) {
      Tensor x = scope.tensor(Dtype.F32, 1, 3);
      IntStream.range(0, 3).forEach(i -> x.set(0, i, i == 1 ? Float.NaN : 1));
      assertThat(Cases.seen(x, scope).factor(0.01, null, gemm, scope)).isNull();
    }
  }
}
