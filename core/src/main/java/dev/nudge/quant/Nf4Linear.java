package dev.nudge.quant;

import dev.nudge.kernel.Kernels;
import dev.nudge.nn.DenseLinear;
import dev.nudge.nn.Linear;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Pass;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// A frozen linear layer whose weight is kept in four bits.
///
/// Before each product the weight is made in the compute type in the lane's workspace and given
/// back right after: one dequantised weight a lane, at about ten numbers a nanosecond, which is
/// what
/// ten to twenty tokens of the product cost.
public final class Nf4Linear implements Linear {
  private final Nf4Weight weight;
  private final @Nullable Tensor bias;
  private final Dtype compute;

  private Nf4Linear(Nf4Weight weight, @Nullable Tensor bias, Dtype compute) {
    this.weight = weight;
    this.bias = bias;
    this.compute = compute;
  }

  /// Wraps a weight (out, in) and a bias (1, out) in the compute type.
  public static Nf4Linear of(Nf4Weight weight, @Nullable Tensor bias, Dtype compute) {
    return new Nf4Linear(weight, bias, compute);
  }

  /// The weight as it is kept.
  public Nf4Weight stored() {
    return weight;
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
    int mark = p.ws().mark();
    dense(p).forward(x, y, p);
    p.ws().release(mark);
  }

  @Override
  public void backward(Tensor dy, @Nullable Tensor dx, boolean add, Pass p) {
    if (dx != null) {
      int mark = p.ws().mark();
      dense(p).backward(dy, dx, add, p);
      p.ws().release(mark);
    }
  }

  @Override
  public Linear ready(int rows, Direction direction, Pass p) {
    return dense(p).ready(rows, direction, p);
  }

  /// The layer that this one is while its weight stands in the workspace.
  private DenseLinear dense(Pass p) {
    return DenseLinear.of(weight(p.ws(), p.kernels()), bias);
  }

  @Override
  public Tensor weight(Workspace ws, Kernels kernels) {
    Tensor out = ws.take(compute, out(), in());
    weight.dequantize(out, ws, kernels);
    return out;
  }

  @Override
  public @Nullable Tensor bias() {
    return bias;
  }

  @Override
  public Linear withWeight(Tensor other) {
    return DenseLinear.of(other, bias);
  }

  @Override
  public void parameters(Consumer<Parameter> each) {}
}
