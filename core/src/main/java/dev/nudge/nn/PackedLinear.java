package dev.nudge.nn;

import dev.nudge.kernel.Kernels;
import dev.nudge.tensor.Packed;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// A frozen linear layer whose weight is packed for faster products, in one direction or both.
///
/// Packed for one direction, the copy is in a workspace while the layer's rows are computed in
/// parts; packed for both, it is cached, if memory is free. The results are batch-invariant and
/// equal those of the plain weight.
public final class PackedLinear implements Linear {
  private final Linear plain;
  private final @Nullable Packed forward; // (in, out)
  private final @Nullable Packed backward; // (out, in)
  private final @Nullable Tensor bias;

  private PackedLinear(
      Linear plain, @Nullable Packed forward, @Nullable Packed backward, @Nullable Tensor bias) {
    this.plain = plain;
    this.forward = forward;
    this.backward = backward;
    this.bias = bias;
  }

  /// Number of rows from which packing a copy of the weight is cheaper than repacking it in each
  /// product.
  public static final int ROWS = 256;

  /// Returns a direction's factor for products of `rows` rows, packed in the workspace if faster.
  ///
  /// @param weight (out, in)
  public static Packed factor(Tensor weight, int rows, Direction direction, Pass p) {
    Tensor plain = direction == Direction.FORWARD ? weight.transposed() : weight;
    return rows < ROWS && !p.batchInvariant() ? Packed.plain(plain) : p.ws().pack(plain);
  }

  /// Returns the layer with one direction's factor, for products in several parts.
  ///
  /// @param factor valid as long as the layer is used
  static Linear ready(Linear plain, Packed factor, @Nullable Tensor bias, Direction direction) {
    boolean forward = direction == Direction.FORWARD;
    return new PackedLinear(plain, forward ? factor : null, forward ? null : factor, bias);
  }

  /// Returns a layer packed for both directions.
  ///
  /// @param plain the unpacked layer, for everything but products
  /// @param forward the weight transposed, (in, out)
  /// @param backward the weight, (out, in)
  public static PackedLinear of(
      Linear plain, Packed forward, Packed backward, @Nullable Tensor bias) {
    return new PackedLinear(plain, forward, backward, bias);
  }

  @Override
  public int in() {
    return plain.in();
  }

  @Override
  public int out() {
    return plain.out();
  }

  /// The packed factor of a direction.
  public Packed factor(Direction direction) {
    Packed factor = direction == Direction.FORWARD ? forward : backward;
    if (factor == null) {
      throw new IllegalStateException("not packed for " + direction);
    }
    return factor;
  }

  @Override
  public Linear ready(int rows, Direction direction, Pass p) {
    return this;
  }

  @Override
  public void forward(Tensor x, Tensor y, Pass p) {
    p.gemm().multiply(x, factor(Direction.FORWARD), y, false);
    if (bias != null) {
      p.kernels().elementwise().addBias(y, bias);
    }
  }

  @Override
  public Gradients backward(Tensor dy, @Nullable Tensor dx, boolean add, Pass p) {
    if (dx != null) {
      p.gemm().multiply(dy, factor(Direction.BACKWARD), dx, add);
    }
    return Gradients.NONE;
  }

  @Override
  public Tensor weight(int from, int to, Workspace ws, Kernels kernels) {
    return plain.weight(from, to, ws, kernels);
  }

  @Override
  public int grain() {
    return plain.grain();
  }

  @Override
  public @Nullable Tensor bias() {
    return bias;
  }

  @Override
  public @Nullable Parameter trainedWeight() {
    return plain.trainedWeight();
  }

  @Override
  public void parameters(Consumer<Parameter> each) {
    plain.parameters(each);
  }
}
