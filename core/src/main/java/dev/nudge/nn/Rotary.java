package dev.nudge.nn;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;

/// The cosines and sines of rotary position embedding, for positions from 0.
///
/// Angles are products of floats, as in transformers, so that long positions agree with it; where
/// everything is F64 they are doubles.
///
/// Threading: a pass calls [#reserve] before it reads; passes of several threads may run side by
/// side, so tables that are too short for one stay until [#close] for those that read them.
public final class Rotary implements AutoCloseable {
  private record Tables(Tensor cos, Tensor sin) {}

  private final double[] frequencies; // headDim/2, radians a position
  private final Dtype dtype;
  private final Scope scope = Scope.open("rotary");
  private volatile Tables tables;

  /// @param frequencies one for each pair of a head
  /// @param compute the compute type; the tables are in its accumulator type
  public Rotary(double[] frequencies, Dtype compute) {
    this.frequencies = frequencies.clone();
    this.dtype = compute.accumulator();
    this.tables = allocate(0);
  }

  private Tables allocate(int positions) {
    return new Tables(
        scope.tensor(dtype, positions, frequencies.length),
        scope.tensor(dtype, positions, frequencies.length));
  }

  /// Makes the tables long enough for `positions`: as long as the first call says, then at least
  /// twice what they were, so that all of them together take at most twice the last.
  public synchronized void reserve(int positions) {
    int rows = tables.cos.rows();
    if (positions <= rows) {
      return;
    }
    Tables longer = allocate(Math.max(positions, Math.multiplyExact(2, rows)));
    for (int p = 0; p < longer.cos.rows(); p++) {
      for (int i = 0; i < frequencies.length; i++) {
        double angle = dtype == Dtype.F32 ? (float) p * (float) frequencies[i] : p * frequencies[i];
        longer.cos.set(p, i, Math.cos(angle));
        longer.sin.set(p, i, Math.sin(angle));
      }
    }
    tables = longer;
  }

  /// Rotates x (rows, heads · headDim) in place, or back.
  void apply(Tensor x, int headDim, boolean inverse, Pass p) {
    Tables t = tables;
    p.kernels().rope().apply(x, p.rows().positions(), t.cos, t.sin, headDim, inverse);
  }

  @Override
  public void close() {
    scope.close();
  }
}
