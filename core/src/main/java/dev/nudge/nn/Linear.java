package dev.nudge.nn;

import dev.nudge.kernel.FewRows;
import dev.nudge.kernel.HeadLoss;
import dev.nudge.kernel.Kernels;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Maps rows of width `in` to rows of width `out`: y = x·Wᵀ (+ bias).
///
/// The one seam between models, weight formats and adapters: a model holds slots of `Linear`, a
/// quantised weight and an adapter are other `Linear`s put into a slot. A weight is (out, in), as
/// in checkpoints. Outputs are the caller's.
public interface Linear {
  int in();

  int out();

  /// Computes y (rows, out) from x (rows, in). With a tape, x must hold the same bytes again when
  /// the gradients of [#backward] are added.
  void forward(Tensor x, Tensor y, Pass p);

  /// Saves on the tape what [#forward] saves, without computing y: for a layer whose output is
  /// known while what it saved was given up. The bytes are the same.
  default void again(Tensor x, Pass p) {}

  /// Takes dy (rows, out) and computes dx (rows, in), or adds to it.
  ///
  /// @param dx compute or accumulator type; null where nothing below trains
  /// @return the gradients of what trains, as far as they need the input; the workspace is the
  ///     caller's to release once they are added
  Gradients backward(Tensor dy, @Nullable Tensor dx, boolean add, Pass p);

  /// Adds a backward pass's gradients to the parameters once the layer's input is at hand. So an
  /// input that was not kept can be made by the sweep that takes dx further down, instead of by one
  /// of its own before.
  interface Gradients {
    /// Adds nothing: no gradient needs the input.
    Gradients NONE = x -> {};

    /// Adds the gradients to their parameters; dy is read once more.
    ///
    /// @param x (rows, in), the bytes of the forward pass
    void add(Tensor x);
  }

  /// Returns this layer ready for products of `rows` rows, piece by piece, in one direction: a
  /// weight that is held in another form is made in the workspace now, and not once a piece.
  ///
  /// @return null where pieces would cost more than the whole
  default @Nullable Linear ready(int rows, Direction direction, Pass p) {
    return null;
  }

  /// Names the two products of a layer.
  enum Direction {
    FORWARD,
    BACKWARD
  }

  /// The weight (out, in) in the compute type; made in the workspace where it is not held so.
  default Tensor weight(Workspace ws, Kernels kernels) {
    return weight(0, out(), ws, kernels);
  }

  /// Rows `from` (inclusive) to `to` (exclusive) of [#weight].
  ///
  /// @param from a multiple of [#grain]
  Tensor weight(int from, int to, Workspace ws, Kernels kernels);

  /// The number of rows in whose multiples parts of the weight can be made.
  default int grain() {
    return 1;
  }

  /// Returns how many rows of the weight take at most `bytes`: all where they fit, but at least
  /// those that cannot be cut.
  default int rowsOf(long bytes, Dtype dtype) {
    return rowsOf(bytes, (long) in() * dtype.bytes(), out(), grain());
  }

  /// Returns how many of `rows` rows take at most `bytes`: all where they fit, else a multiple of
  /// 64 if there are so many, so that AMX computes the products of all blocks or of none; but at
  /// least those that cannot be cut.
  ///
  /// @param rowBytes of a row
  /// @param grain the number of rows in whose multiples they can be cut, a divisor of 64
  static int rowsOf(long bytes, long rowBytes, int rows, int grain) {
    long most = bytes / Math.max(1, rowBytes);
    int step = most >= 64 ? 64 : grain;
    return (int) (most >= rows ? rows : Math.clamp(most / step * step, Math.min(step, rows), rows));
  }

  /// The bias (1, out), added to each row of the product; null where there is none.
  default @Nullable Tensor bias() {
    return null;
  }

  /// The weight with which a pass that decodes may multiply by itself, if it lets [#rest] do what
  /// else this layer does; null: it must call [#forward].
  default FewRows.@Nullable Weight few() {
    return null;
  }

  /// Adds to y what this layer adds to the product with the weight of [#few].
  default void rest(Tensor x, Tensor y, Pass p) {}

  /// Returns this layer with another weight of the same shape.
  Linear withWeight(Tensor weight);

  /// The parameter that the weight is; null where the weight is frozen.
  default @Nullable Parameter trainedWeight() {
    return null;
  }

  /// Whether its weight, or a part of it, is another one after each step of training.
  default boolean changes() {
    return trainedWeight() != null;
  }

  /// The layer whose weight this one multiplies with: itself, or the one that an adapter is around.
  default Linear under() {
    return this;
  }

  /// Returns this layer around another [#under] of the same shape.
  default Linear around(Linear other) {
    return other;
  }

  /// What an output head does beside the product with the weight of [#under]: adds an adapter's
  /// part, and gradients; null: nothing.
  ///
  /// @param rows which rows of the pass the head is given, for dropout; null: nothing is dropped
  default HeadLoss.@Nullable Beside beside(Pass p, int @Nullable [] rows) {
    return null;
  }

  /// Visits the parameters that train.
  void parameters(Consumer<Parameter> each);
}
