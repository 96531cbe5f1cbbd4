package dev.nudge.nn;

import dev.nudge.tensor.Tensor;

/// A term that an adapter adds to a layer's output, in some rows of a pass: y += (s·x·Aᵀ)·Bᵀ.
///
/// @param from first row
/// @param to end row, exclusive
/// @param a (r, in), in the compute type
/// @param scale s
/// @param b (out, r), in the compute type
public record LowRank(int from, int to, Tensor a, double scale, Tensor b) {
  /// Adds the term by two products.
  ///
  /// @param x the layer's input, all rows
  /// @param y its output
  public void add(Tensor x, Tensor y, Pass p) {
    int mark = p.ws().mark();
    Tensor sums = p.ws().take(x.dtype(), to - from, a.rows());
    p.product(x.rows(from, to), a, sums, false);
    p.kernels().elementwise().scale(sums, scale);
    p.product(sums, b, y.rows(from, to), true);
    p.ws().release(mark);
  }
}
