package dev.nudge.nn;

import dev.nudge.tensor.Tensor;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Passes a layer's inputs to an observer before computing; cannot train.
///
/// @param saw receives the input (rows, in) of each forward pass
public record WatchedLinear(Linear base, Consumer<Tensor> saw) implements LinearWrapper {
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
  public void parameters(Consumer<Parameter> each) {}
}
