package dev.nudge.nn;

import dev.nudge.kernel.Kernels;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Workspace;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Carries what a forward or backward pass needs besides its tensors.
///
/// @param tape where modules save for the backward pass; null where there will be none
/// @param rows which rows belong to which sequence
/// @param ws the lane's memory and products
public record Pass(
    @Nullable Tape tape, Segments rows, Workspace ws, Kernels kernels, Dropout dropout) {
  public Gemm gemm() {
    return ws.gemm();
  }

  /// Returns this pass without a tape, for a part that saves nothing.
  public Pass withoutTape() {
    return new Pass(null, rows, ws, kernels, dropout);
  }

  /// The lane's part in the sequence of a pass that is cut over all lanes.
  Share share() {
    return Objects.requireNonNull(rows.share(), "the sequences of this pass are whole");
  }

  /// The tape of a pass that has one.
  public Tape taped() {
    if (tape == null) {
      throw new IllegalStateException("a backward pass needs the tape of its forward pass");
    }
    return tape;
  }
}
