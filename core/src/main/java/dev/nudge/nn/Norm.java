package dev.nudge.nn;

import dev.nudge.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/// RMS normalisation of the residual stream.
public final class Norm {
  private final Tensor weight; // (1, width)
  private final double eps;
  private final @Nullable Parameter trained;

  /// A norm with a frozen weight (1, width).
  public Norm(Tensor weight, double eps) {
    this.weight = weight;
    this.eps = eps;
    this.trained = null;
  }

  /// A norm whose weight trains.
  public Norm(Parameter weight, double eps) {
    this.weight = weight.work();
    this.eps = eps;
    this.trained = weight;
  }

  /// Keeps what the backward pass of a norm needs: the stream (rows, width) and 1/rms of each row
  /// (rows, 1).
  public record Saved(Tensor x, Tensor rstd) {}

  /// Adds what is pending to the stream and normalises it into `r.branch()`.
  ///
  /// @param sum where the stream goes on, may be `r.x()`; null exactly where nothing is pending
  public Saved forward(Residual r, @Nullable Tensor sum, Pass p) {
    Tensor x = r.x();
    Tensor rstd = p.ws().take(x.dtype().accumulator(), x.rows(), 1);
    p.kernels()
        .rmsNorm()
        .forward(x, r.pending() ? r.branch() : null, sum, weight, r.branch(), rstd, eps);
    if (sum != null) {
      r.settle(sum);
    }
    return new Saved(r.x(), rstd);
  }

  /// Normalises again into `normed`: the same bytes as before.
  public void again(Saved s, Tensor normed, Pass p) {
    p.kernels().rmsNorm().again(s.x(), s.rstd(), weight, normed);
  }

  /// Adds the gradient that came through the norm (`g.normed`) to the stream's, and the weight's
  /// where it trains.
  ///
  /// @param normed as [#again] makes it; null where nobody wants it
  public void backward(Saved s, Residual.Gradient g, @Nullable Tensor normed, Pass p) {
    if (trained != null) {
      Tensor dw = trained.gradient(p.ws().lane());
      p.kernels().rmsNorm().weightGradient(g.normed(), s.x(), s.rstd(), dw);
    }
    p.kernels()
        .rmsNorm()
        .backward(g.normed(), s.x(), s.rstd(), weight, g.sum(), g.lowOrNull(), normed);
  }

  /// The parameter that the weight is; null where the weight is frozen.
  public @Nullable Parameter trained() {
    return trained;
  }
}
