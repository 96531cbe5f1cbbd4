package dev.nudge.nn;

import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Computes in a half of a decoder layer: attention, or a feed-forward part.
///
/// A body may keep what is small and expensive to compute again, such as an attention's output or a
/// choice of experts. A [DecoderLayer] takes its memory ([#kept]), hands it to [#forward] to be
/// written, and to [#again] where the level of [Recompute] kept it.
public interface Body {
  /// Marks what a pass may keep of a body while all else of it is computed again.
  interface Kept {}

  /// Takes the memory of what is kept for `x`; null where there is nothing that would pay.
  default @Nullable Kept kept(Tensor x, Workspace ws) {
    return null;
  }

  /// Computes `y` from `x`, both (rows, width); they may be one buffer.
  ///
  /// @param inner scratch of (rows, inner width), one for all layers
  /// @param kept what [#kept] took, written
  void forward(Tensor x, Tensor y, Tensor inner, @Nullable Kept kept, Pass p);

  /// Saves again what [#forward] saves.
  ///
  /// @param y written where it is wanted once more; may be x
  /// @param kept what the forward pass wrote; null where it was not kept
  void again(Tensor x, @Nullable Tensor y, Tensor inner, @Nullable Kept kept, Pass p);

  /// Computes dx from dy.
  ///
  /// @param dx may share its memory with `inner`; null where nobody wants it
  /// @return the gradients that need the input
  Linear.Gradients backward(Tensor dy, @Nullable Tensor dx, Tensor inner, Pass p);

  /// Visits what trains.
  void parameters(Consumer<Parameter> each);

  /// Columns that [#forward] wants of `inner`.
  default int inner() {
    return 0;
  }
}
