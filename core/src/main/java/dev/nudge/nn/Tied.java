package dev.nudge.nn;

import dev.nudge.kernel.HeadLoss;
import dev.nudge.kernel.Kernels;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// An output head tied to the input embedding: one weight, two uses. A trained weight is one
/// [Parameter], to which both uses add gradients.
public final class Tied implements Linear {
  private final Linear head;

  private Tied(Linear head) {
    this.head = head;
  }

  /// Wraps a head whose weight is the embedding's table.
  public static Tied of(Linear head) {
    return new Tied(head);
  }

  /// Creates an embedding's tied head.
  public static Tied of(Embedding embedding) {
    Linear table = embedding.table();
    Parameter trained = embedding.trained();
    return new Tied(trained == null ? table : TrainedLinear.of(table, trained, null));
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

  /// Returns the head's base layer.
  @Override
  public Linear under() {
    return head.under();
  }

  @Override
  public Linear around(Linear other) {
    return new Tied(head.around(other));
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
