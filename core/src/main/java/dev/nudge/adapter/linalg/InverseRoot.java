package dev.nudge.adapter.linalg;

import java.util.Arrays;

/// Inverts the Cholesky factor of a small symmetric matrix. For M = Rᵀ·R with R upper triangular,
/// it returns R⁻¹; the columns of x·R⁻¹ are then orthonormal for M = xᵀ·x.
final class InverseRoot {
  private InverseRoot() {}

  /// Returns R⁻¹; a column is zero if the same column of x depends linearly on those before it.
  ///
  /// @param m overwritten
  /// @param least minimum share of a column's square that must remain after projection
  static double[][] of(double[][] m, double least) {
    int n = m.length;
    double[] squares = new double[n];
    Arrays.setAll(squares, i -> m[i][i]);
    for (int i = 0; i < n; i++) {
      if (m[i][i] > least * squares[i]) {
        root(m, i);
      } else {
        Arrays.fill(m[i], 0);
      }
    }
    double[][] inverse = new double[n][n];
    for (int i = n - 1; i >= 0; i--) {
      if (m[i][i] > 0) {
        inverse[i][i] = 1;
        for (int k = i + 1; k < n; k++) {
          subtract(m[i][k], inverse[k], inverse[i], k);
        }
        for (int j = i; j < n; j++) {
          inverse[i][j] /= m[i][i];
        }
      }
    }
    return inverse;
  }

  /// Computes row i of R and subtracts its part from the rows below.
  private static void root(double[][] m, int i) {
    double root = Math.sqrt(m[i][i]);
    for (int j = i; j < m.length; j++) {
      m[i][j] /= root;
    }
    for (int j = i + 1; j < m.length; j++) {
      subtract(m[i][j], m[i], m[j], j);
    }
  }

  /// row ← row − by·other from column `from` on.
  private static void subtract(double by, double[] other, double[] row, int from) {
    for (int j = from; j < row.length; j++) {
      row[j] -= by * other[j];
    }
  }
}
