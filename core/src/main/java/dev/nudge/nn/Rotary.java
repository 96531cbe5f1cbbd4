package dev.nudge.nn;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;

/// The cosines and sines of rotary position embedding, for positions from 0.
///
/// Angles are products of floats, as in transformers, so that long positions agree with it; where
/// everything is F64 they are doubles.
///
/// Threading: [#reserve] is called before passes start; reading is free.
public final class Rotary implements AutoCloseable {
  private final double[] frequencies; // headDim/2, radians a position
  private final Dtype dtype;
  private Scope scope = Scope.open("rotary");
  private Tensor cos;
  private Tensor sin;

  /// @param frequencies one for each pair of a head
  /// @param compute the compute type; the tables are in its accumulator type
  public Rotary(double[] frequencies, Dtype compute) {
    this.frequencies = frequencies.clone();
    this.dtype = compute.accumulator();
    this.cos = scope.tensor(dtype, 0, frequencies.length);
    this.sin = scope.tensor(dtype, 0, frequencies.length);
  }

  /// Makes the tables long enough for `positions`.
  public void reserve(int positions) {
    if (positions <= cos.rows()) {
      return;
    }
    scope.close();
    scope = Scope.open("rotary");
    cos = scope.tensor(dtype, positions, frequencies.length);
    sin = scope.tensor(dtype, positions, frequencies.length);
    for (int p = 0; p < positions; p++) {
      for (int i = 0; i < frequencies.length; i++) {
        double angle = dtype == Dtype.F32 ? (float) p * (float) frequencies[i] : p * frequencies[i];
        cos.set(p, i, Math.cos(angle));
        sin.set(p, i, Math.sin(angle));
      }
    }
  }

  /// Rotates x (rows, heads · headDim) in place, or back.
  void apply(Tensor x, int headDim, boolean inverse, Pass p) {
    p.kernels().rope().apply(x, p.rows().positions(), cos, sin, headDim, inverse);
  }

  @Override
  public void close() {
    scope.close();
  }
}
