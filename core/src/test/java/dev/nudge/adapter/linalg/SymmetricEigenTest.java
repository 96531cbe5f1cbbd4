package dev.nudge.adapter.linalg;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.assertj.core.data.Offset;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SymmetricEigenTest {
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 17, 72})
  void takesAMatrixApart(int n) {
    Random random = new Random(n);
    double[][] m = new double[n][n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j <= i; j++) {
        m[i][j] = random.nextGaussian();
        m[j][i] = m[i][j];
      }
    }
    double[][] copy = new double[n][];
    for (int i = 0; i < n; i++) {
      copy[i] = m[i].clone();
    }
    SymmetricEigen parts = SymmetricEigen.of(copy);
    for (int i = 0; i < n; i++) {
      assertThat(parts.values()[i]).isLessThanOrEqualTo(parts.values()[Math.max(0, i - 1)]);
      for (int j = 0; j < n; j++) {
        double again = 0;
        double unit = 0;
        for (int k = 0; k < n; k++) {
          again += parts.vectors()[i][k] * parts.values()[k] * parts.vectors()[j][k];
          unit += parts.vectors()[k][i] * parts.vectors()[k][j];
        }
        assertThat(again).isCloseTo(m[i][j], Offset.offset(1e-12 * n));
        assertThat(unit).isCloseTo(i == j ? 1 : 0, Offset.offset(1e-13 * n));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 5})
  void ofZerosHasZeros(int n) {
    assertThat(SymmetricEigen.of(new double[n][n]).values()).containsOnly(0);
  }
}
