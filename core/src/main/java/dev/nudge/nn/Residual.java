package dev.nudge.nn;

import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import org.jspecify.annotations.Nullable;

/// The residual stream that sublayers read and add to: x, and a pending addition.
///
/// A [Norm] writes the normalised stream into [#branch]; a sublayer reads it and overwrites it with
/// its output; the next norm adds that output to x and normalises in one sweep. The backward pass
/// recomputes the same normalised stream.
public final class Residual {
  private Tensor x;
  private final Tensor branch;
  private final @Nullable Tensor spare;
  private boolean pending;

  /// Starts a stream at `x` (rows, width) and allocates its buffers in the workspace.
  ///
  /// @param spare whether to allocate [#spare]
  public Residual(Tensor x, boolean spare, Workspace ws) {
    this.x = x;
    this.branch = ws.take(x.dtype(), x.rows(), x.cols());
    this.spare = spare ? ws.take(x.dtype(), x.rows(), x.cols()) : null;
  }

  /// The stream x, without the pending addition.
  public Tensor x() {
    return x;
  }

  /// The buffer of the normalised stream, then of a sublayer's output; [#added] marks that output
  /// as pending.
  public Tensor branch() {
    return branch;
  }

  /// A buffer for the stream in the middle of a layer that does not keep it; free between forward
  /// and backward pass.
  public Tensor spare() {
    if (spare == null) {
      throw new IllegalStateException("this stream was made without a spare buffer");
    }
    return spare;
  }

  /// Returns whether [#branch] is still to be added to the stream.
  public boolean pending() {
    return pending;
  }

  /// Marks [#branch] as a sublayer's output, pending.
  public void added() {
    pending = true;
  }

  /// Restores the stream to `x` with [#branch] pending.
  public void back(Tensor x) {
    this.x = x;
    pending = true;
  }

  /// Makes `sum` = x + branch the stream; nothing is pending afterwards.
  public void settle(Tensor sum) {
    x = sum;
    pending = false;
  }

  /// The gradient of the stream, in the backward pass.
  ///
  /// @param sum (rows, width) in the accumulator type
  /// @param low the sum rounded to the compute type, as factor of products; `sum` itself if the
  ///     types agree
  /// @param normed gradient of a normalised stream, accumulator type; may share its memory with
  ///     the scratch between the products of the feed-forward part
  public record Gradient(Tensor sum, Tensor low, Tensor normed) {
    /// The rounded copy if a kernel must write one; null if the types agree.
    public @Nullable Tensor lowOrNull() {
      return low == sum ? null : low;
    }
  }
}
