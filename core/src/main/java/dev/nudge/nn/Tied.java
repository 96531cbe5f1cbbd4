package dev.nudge.nn;

import dev.nudge.kernel.HeadLoss;
import dev.nudge.kernel.Kernels;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// An output head that is the input embedding: one weight, two uses. Where it trains it is one
/// [Parameter], to which both uses add their gradients.
///
/// Another weight put into the head alone unties it, which is what [#withWeight] gives.
public final class Tied implements Linear {
  private final Linear head;

  private Tied(Linear head) {
    this.head = head;
  }

  /// The head that computes as `head` does, whose weight is an embedding's table.
  public static Tied of(Linear head) {
    return new Tied(head);
  }

  /// The head that is an embedding's table.
  public static Tied of(Embedding embedding) {
    Linear dense = DenseLinear.of(embedding.table(), null);
    Parameter trained = embedding.trained();
    return new Tied(trained == null ? dense : TrainedLinear.of(dense, trained, null));
  }

  @Override
  public int in() {
    return head.in();
  }

  @Override
  public int out() {
    return head.out();
  }

  @Override
  public void forward(Tensor x, Tensor y, Pass p) {
    head.forward(x, y, p);
  }

  @Override
  public Gradients backward(Tensor dy, @Nullable Tensor dx, boolean add, Pass p) {
    return head.backward(dy, dx, add, p);
  }

  @Override
  public Tensor weight(int from, int to, Workspace ws, Kernels kernels) {
    return head.weight(from, to, ws, kernels);
  }

  @Override
  public int grain() {
    return head.grain();
  }

  @Override
  public Linear withWeight(Tensor weight) {
    return DenseLinear.of(weight, null);
  }

  @Override
  public @Nullable Parameter trainedWeight() {
    return head.trainedWeight();
  }

  @Override
  public HeadLoss.@Nullable Beside beside(Pass p, int @Nullable [] picked) {
    return head.beside(p, picked);
  }

  @Override
  public boolean changes() {
    return head.changes();
  }

  @Override
  public void parameters(Consumer<Parameter> each) {
    head.parameters(each);
  }
}
