package dev.nudge.adapter.linalg;

import java.util.Arrays;
import java.util.Comparator;

/// Eigenvalues and eigenvectors of a small symmetric matrix, largest first, by Jacobi rotations.
///
/// @param values descending
/// @param vectors orthonormal, one a column, in the order of the values
public record SymmetricEigen(double[] values, double[][] vectors) {
  private static final int SWEEPS = 30;
  private static final double SMALL = 1e-15; // of the largest on the diagonal

  /// Decomposes a matrix, which is overwritten.
  public static SymmetricEigen of(double[][] m) {
    int n = m.length;
    double[][] v = new double[n][n];
    for (int i = 0; i < n; i++) {
      v[i][i] = 1;
    }
    for (int sweep = 0; sweep < SWEEPS && sweep(m, v); sweep++) {}
    Integer[] order = new Integer[n];
    Arrays.setAll(order, i -> i);
    Arrays.sort(order, Comparator.comparingDouble(i -> -m[i][i]));
    double[] values = new double[n];
    double[][] vectors = new double[n][n];
    for (int j = 0; j < n; j++) {
      values[j] = m[order[j]][order[j]];
      for (int i = 0; i < n; i++) {
        vectors[i][j] = v[i][order[j]];
      }
    }
    return new SymmetricEigen(values, vectors);
  }

  /// Rotates each pair of rows once; returns whether any rotation was needed.
  private static boolean sweep(double[][] m, double[][] v) {
    double largest = 0;
    for (int i = 0; i < m.length; i++) {
      largest = Math.max(largest, Math.abs(m[i][i]));
    }
    boolean rotated = false;
    for (int p = 0; p < m.length; p++) {
      for (int q = p + 1; q < m.length; q++) {
        if (Math.abs(m[p][q]) > SMALL * largest) {
          rotate(m, v, p, q);
          rotated = true;
        }
      }
    }
    return rotated;
  }

  /// Makes m[p][q] zero.
  private static void rotate(double[][] m, double[][] v, int p, int q) {
    double theta = (m[q][q] - m[p][p]) / (2 * m[p][q]);
    double t = Math.copySign(1, theta) / (Math.abs(theta) + Math.hypot(theta, 1));
    double c = 1 / Math.hypot(t, 1);
    double s = t * c;
    for (int i = 0; i < m.length; i++) {
      double a = m[i][p];
      double b = m[i][q];
      m[i][p] = c * a - s * b;
      m[i][q] = s * a + c * b;
    }
    for (int i = 0; i < m.length; i++) {
      double a = m[p][i];
      double b = m[q][i];
      m[p][i] = c * a - s * b;
      m[q][i] = s * a + c * b;
      double left = v[i][p];
      double right = v[i][q];
      v[i][p] = c * left - s * right;
      v[i][q] = s * left + c * right;
    }
  }
}
