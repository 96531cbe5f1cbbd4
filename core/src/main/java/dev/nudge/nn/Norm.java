package dev.nudge.nn;

import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// RMSNorm of the residual stream, a body's output, or heads.
public final class Norm {
  private Tensor weight; // (1, width)
  private final double eps;
  private final double offset;
  private @Nullable Parameter trained;

  private Norm(Tensor weight, @Nullable Parameter trained, double eps, double offset) {
    this.weight = weight;
    this.trained = trained;
    this.eps = eps;
    this.offset = offset;
  }

  /// A norm with a frozen weight (1, width).
  ///
  /// @param offset is added to the weight
  public Norm(Tensor weight, double eps, double offset) {
    this(weight, null, eps, offset);
  }

  /// A norm whose weight trains.
  public Norm(Parameter weight, double eps, double offset) {
    this(weight.work(), weight, eps, offset);
  }

  /// The input of a norm (rows, width) and 1/rms of each row (rows, 1), for the backward pass;
  /// rstd is null if there was no norm.
  public record Saved(Tensor x, @Nullable Tensor rstd) {
    Tensor scales() {
      return Objects.requireNonNull(rstd, "this stream was not normalised");
    }
  }

  /// Adds the pending branch to the stream and normalises the sum into `r.branch()`.
  ///
  /// @param sum buffer of the sum, may be `r.x()`; null if and only if nothing is pending
  public Saved forward(Residual r, @Nullable Tensor sum, Pass p) {
    Tensor x = r.x();
    Tensor rstd = p.ws().take(x.dtype().accumulator(), x.rows(), 1);
    forward(x, r.pending() ? r.branch() : null, sum, r.branch(), rstd, p);
    if (sum != null) {
      r.settle(sum);
    }
    return new Saved(r.x(), rstd);
  }

  /// Normalises the rows of `x` into `y`, which may be x.
  ///
  /// @return 1/rms of each row
  public Tensor normalise(Tensor x, Tensor y, Pass p) {
    Tensor rstd = p.ws().take(x.dtype().accumulator(), x.rows(), 1);
    forward(x, null, null, y, rstd, p);
    return rstd;
  }

  private void forward(
      Tensor x, @Nullable Tensor delta, @Nullable Tensor sum, Tensor y, Tensor rstd, Pass p) {
    p.ws()
        .rows(
            x.rows(),
            x.cols(),
            (from, to) ->
                p.kernels()
                    .rmsNorm()
                    .forward(
                        x.rows(from, to),
                        delta == null ? null : delta.rows(from, to),
                        sum == null ? null : sum.rows(from, to),
                        weight,
                        y.rows(from, to),
                        rstd.rows(from, to),
                        eps,
                        offset));
  }

  /// Recomputes the norm's output into `normed`, bit-identical.
  public void again(Saved s, Tensor normed, Pass p) {
    p.kernels().rmsNorm().again(s.x(), s.scales(), weight, normed, offset);
  }

  /// Adds the gradient through the norm (`g.normed`) to the stream's, and accumulates the weight's
  /// gradient if it trains.
  ///
  /// @param normed output as [#again] writes it; null: not written
  public void backward(Saved s, Residual.Gradient g, @Nullable Tensor normed, Pass p) {
    weightGradient(s, g.normed(), p);
    p.kernels()
        .rmsNorm()
        .backward(g.normed(), s.x(), s.scales(), weight, g.sum(), g.lowOrNull(), normed, offset);
  }

  /// Computes the gradient of [#normalise]'s input from that of its output, and accumulates the
  /// weight's gradient if it trains.
  ///
  /// @param dy (rows, width) accumulator type
  /// @param dx compute type, written; may be the input
  public void backward(Saved s, Tensor dy, Tensor dx, Pass p) {
    weightGradient(s, dy, p);
    Workspace ws = p.ws();
    int mark = ws.mark();
    Tensor sum = ws.take(dy.dtype(), dy.rows(), dy.cols());
    ws.zero(sum);
    p.kernels().rmsNorm().backward(dy, s.x(), s.scales(), weight, sum, dx, null, offset);
    ws.release(mark);
  }

  private void weightGradient(Saved s, Tensor dy, Pass p) {
    if (trained != null) {
      Tensor dw = trained.gradient(p.ws().lane());
      p.kernels().rmsNorm().weightGradient(dy, s.x(), s.scales(), dw);
    }
  }

  /// The weight (1, width).
  public Tensor weight() {
    return weight;
  }

  /// Replaces the weight by another of the same width; call it while no pass runs.
  ///
  /// @param parameter with the weight as working copy; null if it is frozen
  public void set(Tensor other, @Nullable Parameter parameter) {
    if (other.cols() != weight.cols()) {
      throw new IllegalArgumentException(
          "a norm of " + weight.cols() + " numbers, not " + other.cols());
    }
    weight = other;
    trained = parameter;
  }

  /// The parameter of the weight; null if the weight is frozen.
  public @Nullable Parameter trained() {
    return trained;
  }
}
