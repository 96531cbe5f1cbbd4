package dev.nudge.nn;

import dev.nudge.kernel.HeadLoss;
import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.PageAdvice;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Maps rows of width `in` to rows of width `out`: y = x·Wᵀ (+ bias).
///
/// The one interface between models, weight formats and adapters: a model holds slots of `Linear`;
/// quantised layers and adapters are `Linear`s too. A weight is (out, in), as in checkpoints. The
/// caller allocates outputs.
public interface Linear {
  int in();

  int out();

  /// Computes y (rows, out) from x (rows, in). With a tape, x must hold the same bytes when the
  /// gradients of [#backward] are added.
  void forward(Tensor x, Tensor y, Pass p);

  /// Saves on the tape what [#forward] saves, without computing y: for gradient checkpointing that
  /// kept a layer's output but no tape entries. They are bit-identical.
  default void again(Tensor x, Pass p) {}

  /// Computes dx (rows, in) from dy (rows, out), or adds it to dx.
  ///
  /// @param dx compute or accumulator type; null if nothing below trains
  /// @return the parameters' gradients that need the input; the caller releases the workspace after
  ///     adding them
  Gradients backward(Tensor dy, @Nullable Tensor dx, boolean add, Pass p);

  /// Adds the parameters' gradients of a backward pass once the layer's input is available. So the
  /// sweep that computes the next gradient can also recompute an input that was not kept, without
  /// an extra sweep.
  interface Gradients {
    /// Adds nothing: no gradient needs the input.
    Gradients NONE = x -> {};

    /// Adds the gradients to their parameters; reads dy once more.
    ///
    /// @param x (rows, in), the same bytes as in the forward pass
    void add(Tensor x);
  }

  /// Prepares this layer for products of `rows` rows in several parts, in one direction:
  /// dequantises or packs the weight into the workspace once instead of once a part.
  ///
  /// @return null if parts cost more than the whole
  default @Nullable Linear ready(int rows, Direction direction, Pass p) {
    return null;
  }

  /// A layer's two products.
  enum Direction {
    FORWARD,
    BACKWARD
  }

  /// The weight (out, in) in the compute type, dequantised into the workspace if need be.
  default Tensor weight(Workspace ws, Kernels kernels) {
    return weight(0, out(), ws, kernels);
  }

  /// Returns rows `from` to `to` (exclusive) of [#weight].
  ///
  /// @param from a multiple of [#grain]
  Tensor weight(int from, int to, Workspace ws, Kernels kernels);

  /// Returns the row granularity at which the weight can be split.
  default int grain() {
    return 1;
  }

  /// Returns how many rows of the weight fit in `bytes`: all if possible, but at least [#grain]
  /// rows.
  default int rowsOf(long bytes, Dtype dtype) {
    return rowsOf(bytes, (long) in() * dtype.bytes(), out(), grain());
  }

  /// Returns how many of `rows` rows fit in `bytes`: all if possible, else a multiple of 64 if at
  /// least 64 fit, so that AMX computes the products of all blocks or of none; but at least one
  /// grain.
  ///
  /// @param rowBytes of a row
  /// @param grain the row granularity, a divisor of 64
  static int rowsOf(long bytes, long rowBytes, int rows, int grain) {
    long most = bytes / Math.max(1, rowBytes);
    int step = most >= 64 ? 64 : grain;
    return (int) (most >= rows ? rows : Math.clamp(most / step * step, Math.min(step, rows), rows));
  }

  /// The bias (1, out), added to each row of the product; null: none.
  default @Nullable Tensor bias() {
    return null;
  }

  /// Returns the weight that a decoding pass may use directly; the pass then adds [#bias] and
  /// [#updates], and calls [#finish]. Null: call [#forward].
  default SkinnyProduct.@Nullable Weight few() {
    return null;
  }

  /// Asks the system to prefetch a memory-mapped weight.
  default void ask() {
    SkinnyProduct.Weight weight = few();
    if (weight != null) {
      weight.parts().forEach(part -> PageAdvice.willNeed(part.data()));
    }
  }

  /// Adds the adapters' terms for the product with [#few].
  ///
  /// @param x the input
  default void updates(Tensor x, Pass p, List<LowRank> to) {}

  /// Completes the output after product, bias and updates.
  default void finish(Tensor y, Pass p) {}

  /// The parameter whose working copy is the weight; null if the weight is frozen.
  default @Nullable Parameter trainedWeight() {
    return null;
  }

  /// Returns whether training changes the weight, or a part of it.
  default boolean changes() {
    return trainedWeight() != null;
  }

  /// Returns the base layer, which holds the weight: this one, or the one an adapter wraps.
  default Linear under() {
    return this;
  }

  /// Returns this layer with another base layer of the same shape, see [#under].
  default Linear around(Linear other) {
    return other;
  }

  /// Returns an output head's terms beyond the product with the weight of [#under]: adapter logits
  /// and gradients; null: none.
  ///
  /// @param rows the pass's rows that the head computes, for dropout; null: no dropout
  default HeadLoss.@Nullable Beside beside(Pass p, int @Nullable [] rows) {
    return null;
  }

  /// Visits the parameters that train.
  void parameters(Consumer<Parameter> each);
}
