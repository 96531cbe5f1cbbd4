package dev.nudge.adapter;

import java.util.Arrays;

/// The LoRA update of one weight, ΔW = s·B·A, as its factors: the matrix is never formed.
///
/// With ⟨X, Y⟩ = Σ x·y over all numbers, two updates of one weight (out, in) have
///
///     ⟨s·B·A, t·D·C⟩ = s·t · Σ (BᵀD) ∘ (ACᵀ)      both (rank, rank)
///
/// so norms, differences and cosines cost ranks · (in + out), not in · out. Sums are in double.
///
/// @param path of the module
/// @param a (rank, in)
/// @param b (rank, out): B transposed
/// @param scaling s
public record Update(String path, double[][] a, double[][] b, double scaling) {

  int rank() {
    return a.length;
  }

  /// ⟨ΔW, ΔW'⟩.
  double inner(Update other) {
    double sum = 0;
    for (int i = 0; i < rank(); i++) {
      for (int j = 0; j < other.rank(); j++) {
        sum += dot(a[i], other.a[j]) * dot(b[i], other.b[j]);
      }
    }
    return scaling * other.scaling * sum;
  }

  /// ‖ΔW‖, Frobenius's.
  double norm() {
    return Math.sqrt(Math.max(0, inner(this)));
  }

  boolean finite() {
    return Arrays.stream(a).flatMapToDouble(Arrays::stream).allMatch(Double::isFinite)
        && Arrays.stream(b).flatMapToDouble(Arrays::stream).allMatch(Double::isFinite);
  }

  public static double dot(double[] x, double[] y) {
    double sum = 0;
    for (int i = 0; i < x.length; i++) {
      sum += x[i] * y[i];
    }
    return sum;
  }
}
