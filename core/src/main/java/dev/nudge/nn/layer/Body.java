package dev.nudge.nn.layer;

import dev.nudge.nn.Linear;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Pass;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// The computing part of a decoder layer's half: attention, MLP, or mixture of experts.
///
/// A body may keep results that are small and expensive to recompute, such as an attention's output
/// or the experts' routing. A [DecoderLayer] allocates their memory ([#kept]), passes it to
/// [#forward] to be written, and to [#again] if the `Recompute` level kept it.
public interface Body {
  /// Marks results that gradient checkpointing may keep while it recomputes the rest of a body.
  interface Activations {}

  /// Allocates memory for the results to keep; null if there are none.
  default @Nullable Activations kept(Tensor x, Workspace ws) {
    return null;
  }

  /// Computes `y` from `x`, both (rows, width); they may be one buffer.
  ///
  /// @param inner scratch of (rows, inner width), one for all layers
  /// @param kept memory from [#kept], written
  void forward(Tensor x, Tensor y, Tensor inner, @Nullable Activations kept, Pass p);

  /// Recomputes the entries that [#forward] saved on the tape.
  ///
  /// @param y also written if not null; may be x
  /// @param kept results of the forward pass; null if they were not kept
  void again(Tensor x, @Nullable Tensor y, Tensor inner, @Nullable Activations kept, Pass p);

  /// Computes dx from dy.
  ///
  /// @param dx may share its memory with `inner`; null: not computed
  /// @return the gradients that need the input
  Linear.Gradients backward(Tensor dy, @Nullable Tensor dx, Tensor inner, Pass p);

  /// Visits the parameters that train.
  void parameters(Consumer<Parameter> each);

  /// Enables prefetching, for a model larger than memory: a generation pass that chooses weights
  /// (experts) requests the pages of all chosen weights before it computes with the first. The
  /// system reads these pages together and keeps the most recently used.
  default void askAhead() {}

  /// Columns of the `inner` scratch that [#forward] needs.
  default int inner() {
    return 0;
  }

  /// Views the `inner` scratch in this body's width, where another body is wider.
  default Tensor scratch(Tensor inner) {
    return inner.cols() == inner()
        ? inner
        : Tensor.of(inner.data(), inner.dtype(), inner.rows(), inner());
  }
}
