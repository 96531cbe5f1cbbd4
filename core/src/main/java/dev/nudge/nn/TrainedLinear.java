package dev.nudge.nn;

import dev.nudge.kernel.HeadLoss;
import dev.nudge.tensor.Tensor;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Trains a linear layer's own weight, its bias, or both (full fine-tuning):
///
///     dW += dyᵀ·x        db += Σ dy over the rows
///
/// The wrapped layer computes; its weight and bias are the parameters' working copies. Nothing more
/// is saved for the backward pass, so a trained weight saves no more bytes per token than a frozen
/// one.
public final class TrainedLinear implements LinearWrapper {
  private final Linear base;
  private final @Nullable Parameter weight;
  private final @Nullable Parameter bias;

  private TrainedLinear(Linear base, @Nullable Parameter weight, @Nullable Parameter bias) {
    this.base = base;
    this.weight = weight;
    this.bias = bias;
  }

  /// Wraps a layer.
  ///
  /// @param base computes with the working copies of the parameters
  /// @param weight (out, in); null: frozen
  /// @param bias (1, out); null: frozen or absent
  public static TrainedLinear of(
      Linear base, @Nullable Parameter weight, @Nullable Parameter bias) {
    return new TrainedLinear(base, weight, bias);
  }

  @Override
  public Linear base() {
    return base;
  }

  @Override
  public Linear under() {
    return this; // the layer has the weight
  }

  @Override
  public void forward(Tensor x, Tensor y, Pass p) {
    base.forward(x, y, p);
  }

  @Override
  public void again(Tensor x, Pass p) {
    base.again(x, p);
  }

  @Override
  public Gradients backward(Tensor dy, @Nullable Tensor dx, boolean add, Pass p) {
    if (bias != null) {
      p.kernels().elementwise().colSum(dy, bias.gradient(p.ws().lane()), true);
    }
    Gradients under = base.backward(dy, dx, add, p);
    return x -> {
      under.add(x);
      if (weight != null) {
        p.gemm().multiply(dy.transposed(), x, weight.gradient(p.ws().lane()), true);
      }
    };
  }

  @Override
  public @Nullable Parameter trainedWeight() {
    return weight;
  }

  @Override
  public HeadLoss.@Nullable Beside beside(Pass p, int @Nullable [] picked) {
    return weight == null ? null : HeadLoss.Beside.of(weight::gradient);
  }

  @Override
  public void parameters(Consumer<Parameter> each) {
    if (weight != null) {
      each.accept(weight);
    }
    if (bias != null) {
      each.accept(bias);
    }
    base.parameters(each);
  }
}
