package dev.nudge.nn;

import dev.nudge.kernel.Kernels;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// A layer whose inputs are looked at before it computes; it does not train.
///
/// @param saw receives the input (rows, in) of each forward pass
public record WatchedLinear(Linear base, Consumer<Tensor> saw) implements Linear {
  @Override
  public int in() {
    return base.in();
  }

  @Override
  public int out() {
    return base.out();
  }

  @Override
  public void forward(Tensor x, Tensor y, Pass p) {
    saw.accept(x);
    base.forward(x, y, p);
  }

  @Override
  public Gradients backward(Tensor dy, @Nullable Tensor dx, boolean add, Pass p) {
    throw new IllegalStateException("a layer that is looked at does not train");
  }

  @Override
  public Tensor weight(int from, int to, Workspace ws, Kernels kernels) {
    return base.weight(from, to, ws, kernels);
  }

  @Override
  public int grain() {
    return base.grain();
  }

  @Override
  public @Nullable Tensor bias() {
    return base.bias();
  }

  @Override
  public Linear withWeight(Tensor weight) {
    return base.withWeight(weight);
  }

  @Override
  public Linear under() {
    return base.under();
  }

  @Override
  public void parameters(Consumer<Parameter> each) {}
}
