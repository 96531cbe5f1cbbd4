package dev.nudge.nn;

import dev.nudge.kernel.Kernels;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// A frozen linear layer whose weight stays in the type in which its file has it.
///
/// A product converts some rows of the weight at a time, so that a layer of any size takes a few
/// megabytes beside its file. For a layer that is used once; one that is used again and again is
/// converted when it is loaded.
public final class StoredLinear implements Linear {
  /// Bytes of converted rows.
  private static final long BLOCK_BYTES = 32 << 20;

  private final Tensor weight;
  private final @Nullable Tensor bias;
  private final Dtype compute;

  private StoredLinear(Tensor weight, @Nullable Tensor bias, Dtype compute) {
    this.weight = weight;
    this.bias = bias;
    this.compute = compute;
  }

  /// Wraps a weight (out, in) of any float type and a bias (1, out) in the compute type.
  public static StoredLinear of(Tensor weight, @Nullable Tensor bias, Dtype compute) {
    return new StoredLinear(weight, bias, compute);
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
    Workspace ws = p.ws();
    int step = (int) Math.clamp(BLOCK_BYTES / ((long) in() * compute.bytes()), 1, out());
    int mark = ws.mark();
    for (int from = 0; from < out(); from += step) {
      int to = Math.min(out(), from + step);
      Tensor block = ws.take(compute, to - from, in());
      p.kernels().elementwise().copy(weight.rows(from, to), block);
      p.gemm().multiply(x, block.transposed(), y.cols(from, to), false);
      ws.release(mark);
    }
    if (bias != null) {
      p.kernels().elementwise().addBias(y, bias);
    }
  }

  @Override
  public void backward(Tensor dy, @Nullable Tensor dx, boolean add, Pass p) {
    if (dx != null) {
      int mark = p.ws().mark();
      DenseLinear.of(weight(p.ws(), p.kernels()), bias).backward(dy, dx, add, p);
      p.ws().release(mark);
    }
  }

  @Override
  public Tensor weight(Workspace ws, Kernels kernels) {
    Tensor converted = ws.take(compute, out(), in());
    kernels.elementwise().copy(weight, converted);
    return converted;
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
