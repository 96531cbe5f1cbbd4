package dev.nudge.adapter.linalg;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import java.util.Set;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class InverseRootTest {
  private static final double LEAST = 1e-6;

  private static double[][] product(double[][] a, double[][] b) {
    double[][] c = new double[a.length][b[0].length];
    for (int i = 0; i < a.length; i++) {
      for (int j = 0; j < c[i].length; j++) {
        for (int k = 0; k < b.length; k++) {
          c[i][j] += a[i][k] * b[k][j];
        }
      }
    }
    return c;
  }

  private static double[][] transposed(double[][] a) {
    double[][] t = new double[a[0].length][a.length];
    for (int i = 0; i < a.length; i++) {
      for (int j = 0; j < a[i].length; j++) {
        t[j][i] = a[i][j];
      }
    }
    return t;
  }

  /// Columns that are sums of others, or zero, come out as zero, the others orthonormal.
  private static void check(double[][] x, Set<Integer> dropped) {
    double[][] turned = product(x, InverseRoot.of(product(transposed(x), x), LEAST));
    double[][] gram = product(transposed(turned), turned);
    for (int i = 0; i < gram.length; i++) {
      for (int j = 0; j < gram.length; j++) {
        boolean kept = !dropped.contains(i);
        assertThat(gram[i][j]).isCloseTo(i == j && kept ? 1 : 0, Offset.offset(1e-9));
      }
    }
  }

  private static double[][] random(int rows, int cols) {
    Random random = new Random(cols);
    double[][] x = new double[rows][cols];
    for (double[] row : x) {
      for (int j = 0; j < cols; j++) {
        row[j] = random.nextGaussian() * Math.pow(10, j % 7 - 3); // columns of very different size
      }
    }
    return x;
  }

  @ParameterizedTest
  @CsvSource({"1,1", "9,4", "100,72", "30,30"})
  void columnsBecomeOrthonormal(int rows, int cols) {
    check(random(rows, cols), Set.of());
  }

  @Test
  void aColumnThatAddsNoDirectionBecomesZero() {
    double[][] x = random(20, 6);
    for (double[] row : x) {
      row[2] = 0;
      row[4] = 3 * row[0] - row[1];
    }
    check(x, Set.of(2, 4));
  }

  @Test
  void ofZerosIsZero() {
    check(new double[5][3], Set.of(0, 1, 2));
  }
}
