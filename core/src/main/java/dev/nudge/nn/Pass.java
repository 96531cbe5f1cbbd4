package dev.nudge.nn;

import dev.nudge.kernel.FewRows;
import dev.nudge.kernel.Kernels;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Team;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Carries what a forward or backward pass needs besides its tensors.
///
/// In a pass of generation a row's bits do not depend on the rows beside it. One that decodes has a
/// team: its rows are few, and a weight is read once for all of them in the form in which it is
/// kept. One that reads prompts multiplies by packed factors however few its rows are, for products
/// with plain ones differ in the last bits with the number of rows.
///
/// @param tape where modules save for the backward pass; null where there will be none
/// @param rows which rows belong to which sequence
/// @param ws the lane's memory and products
/// @param steady whether this is a pass of generation
/// @param team threads that share the work of a pass that decodes; null in any other
public record Pass(
    @Nullable Tape tape,
    Segments rows,
    Workspace ws,
    Kernels kernels,
    Dropout dropout,
    boolean steady,
    @Nullable Team team) {
  private static final int PIECES = 4; // of a product, for each thread
  private static final int LEAST = 16; // rows of a weight that make a piece

  /// A pass of training or scoring.
  public Pass(@Nullable Tape tape, Segments rows, Workspace ws, Kernels kernels, Dropout dropout) {
    this(tape, rows, ws, kernels, dropout, false, null);
  }

  public Gemm gemm() {
    return ws.gemm();
  }

  /// Returns this pass without a tape, for a part that saves nothing.
  public Pass withoutTape() {
    return new Pass(null, rows, ws, kernels, dropout, steady, team);
  }

  /// Computes y = x·Wᵀ, or adds to it, with a weight in the compute type.
  ///
  /// @param weight (out, in)
  public void product(Tensor x, Tensor weight, Tensor y, boolean add) {
    if (!steady) {
      gemm().multiply(x, weight.transposed(), y, add);
    } else if (!few(x, new FewRows.Dense(weight), y, add)) {
      int mark = ws.mark();
      gemm().multiply(x, ws.pack(weight.transposed()), y, add);
      ws.release(mark);
    }
  }

  /// Computes y = x·Wᵀ, or adds to it, with a weight as it is kept, where this pass decodes and the
  /// kernels can.
  ///
  /// @param w null: one that has to be made first
  /// @return whether it was done
  public boolean few(Tensor x, FewRows.@Nullable Weight w, Tensor y, boolean add) {
    FewRows kernel = kernels.fewRows();
    if (team == null || w == null || !kernel.takes(w, x.dtype())) {
      return false;
    }
    int mark = ws.mark();
    Tensor arranged = kernel.arranged(x, w, ws);
    int grain = w.grain();
    int parts = Math.ceilDiv(w.rows(), grain);
    int pieces = Math.clamp(parts * grain / LEAST, 1, PIECES * team.threads());
    team.each(
        pieces,
        i -> {
          int from = (int) ((long) parts * i / pieces) * grain;
          int to = Math.min(w.rows(), (int) ((long) parts * (i + 1) / pieces) * grain);
          kernel.multiply(arranged, w, x.dtype(), from, to, y, add);
        });
    ws.release(mark);
    return true;
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
