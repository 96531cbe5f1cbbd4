package dev.nudge.nn;

import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import org.jspecify.annotations.Nullable;

/// The stream that sublayers read from and add to: x, and an addition that is still to be made.
///
/// A [Norm] writes the normalised stream into [#branch]; a sublayer reads it there and, having read
/// it, writes its output over it; the next norm adds that to x and normalises in one sweep. The
/// normalised stream is computed again, to the same bytes, when the backward pass needs it.
public final class Residual {
  private Tensor x;
  private final Tensor branch;
  private final @Nullable Tensor spare;
  private boolean pending;

  /// Starts a stream at `x` (rows, width) and takes its buffers from the workspace.
  ///
  /// @param spare whether a buffer is wanted for a stream that no layer keeps
  public Residual(Tensor x, boolean spare, Workspace ws) {
    this.x = x;
    this.branch = ws.take(x.dtype(), x.rows(), x.cols());
    this.spare = spare ? ws.take(x.dtype(), x.rows(), x.cols()) : null;
  }

  /// The stream x, without the addition that is pending.
  public Tensor x() {
    return x;
  }

  /// The buffer for the normalised stream, and then for what a sublayer made of it; [#added] makes
  /// that part of the stream.
  public Tensor branch() {
    return branch;
  }

  /// A buffer for the stream in the middle of a layer that does not keep it. Between the forward
  /// and the backward pass it is free.
  public Tensor spare() {
    if (spare == null) {
      throw new IllegalStateException("this stream was made without a spare buffer");
    }
    return spare;
  }

  /// Tells whether [#branch] is still to be added to the stream.
  public boolean pending() {
    return pending;
  }

  /// Says that a sublayer has written [#branch].
  public void added() {
    pending = true;
  }

  /// Takes the stream back to where it was `x` and [#branch] was to be added.
  void back(Tensor x) {
    this.x = x;
    pending = true;
  }

  /// Makes `sum` = x + branch the stream.
  void settle(Tensor sum) {
    x = sum;
    pending = false;
  }

  /// The gradient of the stream, for the backward pass.
  ///
  /// @param sum (rows, width) in the accumulator type
  /// @param low the same rounded to the compute type, as factor of products; `sum` itself where the
  ///     types agree
  /// @param normed gradient of a normalised stream, accumulator type; may share its memory with the
  ///     scratch between the products of the feed-forward part
  public record Gradient(Tensor sum, Tensor low, Tensor normed) {
    /// The rounded copy that a kernel must write, or null where there is none.
    public @Nullable Tensor lowOrNull() {
      return low == sum ? null : low;
    }
  }
}
