package dev.nudge.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// Show that the masks of dropout are the same everywhere and behave like random ones.
class DropoutTest {
  private static final int ROWS = 400;
  private static final int COLS = 2500;

  @Test
  void bothProvidersDropTheSameElements() {
    try (Scope scope = Scope.open("dropout")) {
      Tensor plain = masks(scope, Kernels.plain(), 0.25, 9);
      Tensor fast = masks(scope, Kernels.fastest(), 0.25, 9);
      for (long i = 0; i < plain.elements(); i++) {
        assertThat(fast.at(i) != 0).isEqualTo(plain.at(i) != 0);
      }
    }
  }

  @Test
  void theShareOfDroppedElementsIsTheProbability() {
    for (double p : new double[] {0.01, 0.05, 0.1, 0.5, 0.9}) {
      try (Scope scope = Scope.open("dropout")) {
        Tensor mask = masks(scope, Kernels.fastest(), p, 4);
        long dropped = 0;
        for (long i = 0; i < mask.elements(); i++) {
          dropped += mask.at(i) == 0 ? 1 : 0;
        }
        double n = (double) ROWS * COLS;
        double sigmas = (dropped - n * p) / Math.sqrt(n * p * (1 - p));
        System.out.printf("dropout p %.2f dropped %.5f, %.2f sigma%n", p, dropped / n, sigmas);
        assertThat(Math.abs(sigmas)).isLessThan(5);
      }
    }
  }

  @Test
  void rowsColumnsAndSaltsAreIndependent() {
    try (Scope scope = Scope.open("dropout")) {
      Tensor a = masks(scope, Kernels.fastest(), 0.5, 1);
      Tensor b = masks(scope, Kernels.fastest(), 0.5, 2);
      assertThat(agreement(a, 0, 0, b, 0, 0)).as("salts").isBetween(0.495, 0.505);
      assertThat(agreement(a, 1, 0, a, 0, 0)).as("rows").isBetween(0.495, 0.505);
      assertThat(agreement(a, 0, 1, a, 0, 0)).as("columns").isBetween(0.495, 0.505);
    }
  }

  /// The share of elements in which two masks agree, shifted against each other.
  private static double agreement(Tensor a, int row, int col, Tensor b, int row2, int col2) {
    long same = 0;
    long all = 0;
    for (int r = 0; r < ROWS - 1; r++) {
      for (int c = 0; c < COLS - 1; c++) {
        boolean x = a.get(r + row, c + col) != 0;
        boolean y = b.get(r + row2, c + col2) != 0;
        same += x == y ? 1 : 0;
        all++;
      }
    }
    return (double) same / all;
  }

  /// Ones, dropped out: rows with neighbouring keys, as positions are.
  private static Tensor masks(Scope scope, Kernels kernels, double p, long salt) {
    Tensor x = scope.tensor(Dtype.F32, ROWS, COLS);
    Tensor keys = scope.tensor(Dtype.I64, ROWS, 1);
    long first = new Random(5).nextInt();
    for (long i = 0; i < x.elements(); i++) {
      x.put(i, 1);
    }
    for (int r = 0; r < ROWS; r++) {
      keys.put(r, first + r);
    }
    kernels.elementwise().dropout(x, x, keys, salt, p, false);
    return x;
  }
}
