package dev.nudge.nn;

import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Packed;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// A frozen linear layer whose weight (out, in) is in the compute type.
public final class DenseLinear implements LookupLinear {
  private final Tensor weight;
  private final SkinnyProduct.Dense few;
  private final @Nullable Tensor bias;

  private DenseLinear(Tensor weight, @Nullable Tensor bias) {
    this.weight = weight;
    this.few = new SkinnyProduct.Dense(weight);
    this.bias = bias;
  }

  /// Wraps a weight (out, in) and a bias (1, out), both in the compute type.
  public static DenseLinear of(Tensor weight, @Nullable Tensor bias) {
    return new DenseLinear(weight, bias);
  }

  @Override
  public int in() {
    return weight.cols();
  }

  @Override
  public int out() {
    return weight.rows();
  }

  @Override
  public void forward(Tensor x, Tensor y, Pass p) {
    if (p.few(x, List.of(this), List.of(y))) {
      return;
    }
    int mark = p.ws().mark();
    p.gemm().multiply(x, factor(x.rows(), Direction.FORWARD, p), y, false);
    p.ws().release(mark);
    if (bias != null) {
      p.kernels().elementwise().addBias(y, bias);
    }
  }

  @Override
  public Dtype dtype() {
    return weight.dtype();
  }

  @Override
  public void lookUp(Tensor ids, Tensor x, Pass p) {
    p.kernels().elementwise().gather(weight, ids, x);
  }

  @Override
  public SkinnyProduct.Weight few() {
    return few;
  }

  @Override
  public Gradients backward(Tensor dy, @Nullable Tensor dx, boolean add, Pass p) {
    if (dx != null) {
      int mark = p.ws().mark();
      p.gemm().multiply(dy, PackedLinear.factor(weight, dy.rows(), Direction.BACKWARD, p), dx, add);
      p.ws().release(mark);
    }
    return Gradients.NONE;
  }

  @Override
  public Linear ready(int rows, Direction direction, Pass p) {
    return PackedLinear.ready(this, factor(rows, direction, p), bias, direction);
  }

  private Packed factor(int rows, Direction direction, Pass p) {
    Packed kept = direction == Direction.FORWARD ? p.kept(this, () -> weight) : null;
    return kept == null ? PackedLinear.factor(weight, rows, direction, p) : kept;
  }

  @Override
  public Tensor weight(int from, int to, Workspace ws, Kernels kernels) {
    return from == 0 && to == out() ? weight : weight.rows(from, to);
  }

  @Override
  public @Nullable Tensor bias() {
    return bias;
  }

  @Override
  public void parameters(Consumer<Parameter> each) {}
}
