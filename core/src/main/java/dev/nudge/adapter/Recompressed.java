package dev.nudge.adapter;

import dev.nudge.adapter.linalg.SymmetricEigen;
import java.util.Arrays;

/// The best approximation of an update with a lower rank: a truncated SVD, without forming ΔW.
///
/// With ΔW = B·A, B (out, r), A (r, in), and the small products (r, r) of each:
///
///     A·Aᵀ = U·E·Uᵀ                       so A = U·√E·Qᵀ with orthonormal columns in Q
///     √E·Uᵀ·(BᵀB)·U·√E = T·S²·Tᵀ          S: the singular values of ΔW
///     B' = B·U·√E·T·S^-½                  (out, k), the first k columns
///     A' = S^½·Tᵀ·E^-½·Uᵀ·A               (k, in)
///
/// The squared error is Σ S² over the dropped singular values. All in double: squares of singular
/// values below 1e-8 of the largest are lost in rounding, beyond the precision of fp32 weights.
///
/// @param update of the lower rank, with scale 1
/// @param lostSquares ‖ΔW − ΔW'‖²
record Recompressed(Update update, double lostSquares) {
  private static final double LEAST = 1e-14; // of the largest eigenvalue: what double tells from 0

  static Recompressed of(Update full, int rank) {
    int r = full.rank();
    double[][] b = scaled(full);
    SymmetricEigen ofA = SymmetricEigen.of(gram(full.a()));
    double[] root = roots(ofA.values());
    double[][] u = ofA.vectors();
    double[][] left = new double[r][r]; // U·√E
    for (int i = 0; i < r; i++) {
      for (int j = 0; j < r; j++) {
        left[i][j] = u[i][j] * root[j];
      }
    }
    SymmetricEigen core = SymmetricEigen.of(sandwich(left, gram(b)));
    double[] singular = roots(core.values());
    double[][] newA = new double[rank][];
    double[][] newB = new double[rank][];
    for (int k = 0; k < rank; k++) {
      double[] ofRowsA = new double[r];
      double[] ofRowsB = new double[r];
      for (int i = 0; i < r && singular[k] > 0; i++) {
        for (int j = 0; j < r; j++) {
          double t = core.vectors()[j][k];
          ofRowsB[i] += left[i][j] * t / Math.sqrt(singular[k]);
          ofRowsA[i] += root[j] > 0 ? u[i][j] / root[j] * t * Math.sqrt(singular[k]) : 0;
        }
      }
      newA[k] = mix(full.a(), ofRowsA);
      newB[k] = mix(b, ofRowsB);
    }
    double lost = 0;
    for (int k = rank; k < r; k++) {
      lost += singular[k] * singular[k];
    }
    return new Recompressed(new Update(full.path(), newA, newB, 1), lost);
  }

  private static double[][] scaled(Update full) {
    double[][] b = new double[full.rank()][];
    Arrays.setAll(
        b, i -> Arrays.stream(full.b()[i]).map(value -> value * full.scaling()).toArray());
    return b;
  }

  private static double[] roots(double[] values) {
    double least = LEAST * Math.max(values[0], 0);
    return Arrays.stream(values).map(v -> v > least ? Math.sqrt(v) : 0).toArray();
  }

  /// The products of each two rows.
  static double[][] gram(double[][] rows) {
    double[][] gram = new double[rows.length][rows.length];
    for (int i = 0; i < rows.length; i++) {
      for (int j = 0; j <= i; j++) {
        gram[i][j] = Update.dot(rows[i], rows[j]);
        gram[j][i] = gram[i][j];
      }
    }
    return gram;
  }

  /// leftᵀ · m · left, symmetric.
  private static double[][] sandwich(double[][] left, double[][] m) {
    int n = m.length;
    double[][] half = new double[n][n]; // m · left
    for (int i = 0; i < n; i++) {
      for (int k = 0; k < n; k++) {
        for (int j = 0; j < n; j++) {
          half[i][j] += m[i][k] * left[k][j];
        }
      }
    }
    double[][] all = new double[n][n];
    for (int k = 0; k < n; k++) {
      for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
          all[i][j] += left[k][i] * half[k][j];
        }
      }
    }
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < i; j++) {
        all[i][j] = all[j][i] = (all[i][j] + all[j][i]) / 2;
      }
    }
    return all;
  }

  /// Σ weights · rows.
  private static double[] mix(double[][] rows, double[] weights) {
    double[] sum = new double[rows[0].length];
    for (int i = 0; i < rows.length; i++) {
      for (int c = 0; c < sum.length; c++) {
        sum[c] += weights[i] * rows[i][c];
      }
    }
    return sum;
  }
}
