package dev.nudge.nn;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;

/// The stream that sublayers read from and add to: x, and a delta that is still to be added.
///
/// A sublayer writes its output into [#delta]; the next [Norm] adds it and normalises in one sweep.
/// `normed` is one buffer for all layers: what is in it is recomputed from the stream, to the same
/// bytes, when the backward pass needs it.
public final class Residual {
  private Tensor x;
  private final Tensor delta;
  private final Tensor normed;
  private boolean pending;

  /// Starts a stream at `x` (rows, width) and takes its buffers from the workspace.
  public Residual(Tensor x, Workspace ws) {
    this.x = x;
    this.delta = ws.take(x.dtype(), x.rows(), x.cols());
    this.normed = ws.take(x.dtype(), x.rows(), x.cols());
  }

  /// The stream without what is pending.
  public Tensor x() {
    return x;
  }

  /// Where a sublayer writes its output; [#added] makes it part of the stream.
  public Tensor delta() {
    return delta;
  }

  /// The last normalised stream.
  public Tensor normed() {
    return normed;
  }

  /// Whether [#delta] is still to be added.
  public boolean pending() {
    return pending;
  }

  /// Says that a sublayer has written [#delta].
  public void added() {
    pending = true;
  }

  /// Goes on from `sum` = x + delta.
  void settle(Tensor sum) {
    x = sum;
    pending = false;
  }

  /// The gradient of the stream, for the backward pass.
  ///
  /// @param sum (rows, width) in the accumulator type
  /// @param low the same rounded to the compute type, as factor of products; `sum` itself where the
  ///     types agree
  /// @param normed gradient of a normalised stream, accumulator type, scratch
  public record Gradient(Tensor sum, Tensor low, Tensor normed) {
    /// Takes the buffers; their contents are undefined.
    public static Gradient take(int rows, int width, Dtype compute, Workspace ws) {
      Dtype acc = compute.accumulator();
      Tensor sum = ws.take(acc, rows, width);
      Tensor low = compute == acc ? sum : ws.take(compute, rows, width);
      return new Gradient(sum, low, ws.take(acc, rows, width));
    }

    /// The rounded copy that a kernel must write, or null where there is none.
    public @org.jspecify.annotations.Nullable Tensor lowOrNull() {
      return low == sum ? null : low;
    }
  }
}
