package dev.nudge.adapter;

import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearWrapper;
import dev.nudge.nn.LowRank;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Pass;
import dev.nudge.nn.Tape;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Trains the norms of a weight's rows beside their directions (DoRA [1]), as PEFT does:
///
///     y = b + g ⊙ (W·x + s·B·A·x),   g = m / n,   n = norms of the rows of W + s·B·A
///
/// m is a parameter (out) that begins as n; n is computed anew after each update and is a constant
/// in the backward pass. The bias b of the base is not scaled. Since plain LoRA gives
/// z = b + W·x + s·B·A·x, this layer is one around it: y = g ⊙ z + (1 − g) ⊙ b. With dy = ∂L/∂y,
///
///     dz = g ⊙ dy      (plain LoRA's gradient)        dm = Σ_rows dy ⊙ (z − b) / n
///
/// z is kept for the backward pass, or computed again where a layer's output was kept alone.
/// Dropout is not possible: PEFT then drops inputs of W in the scaled part, a second product.
///
/// [1] Liu et al., DoRA, arXiv:2402.09353.
public final class DoraLinear implements LowRankLinear, LinearWrapper {
  private final LoraLinear lora;
  private final Magnitude magnitude;

  private DoraLinear(LoraLinear lora, Magnitude magnitude) {
    this.lora = lora;
    this.magnitude = magnitude;
  }

  /// Wraps a layer with A and B, without dropout.
  ///
  /// @param m (1, out)
  /// @param scope owns what is computed from the norms
  public static DoraLinear of(LoraLinear lora, Parameter m, Scope scope) {
    if (lora.dropout() > 0) {
      throw new IllegalArgumentException("DoRA has no dropout");
    }
    return new DoraLinear(lora, new Magnitude(m, lora.bias() != null, scope));
  }

  Magnitude magnitude() {
    return magnitude;
  }

  private record Saved(Tensor z) implements Tape.Entry {}

  @Override
  public LoraLinear base() {
    return lora;
  }

  @Override
  public LoraLinear lora() {
    return lora;
  }

  @Override
  public void forward(Tensor x, Tensor y, Pass p) {
    lora.forward(x, y, p);
    complete(y, p);
  }

  /// Completes rows that A and B are in, and keeps z of a pass that has a tape.
  void complete(Tensor y, Pass p) {
    if (p.tape() != null) {
      Tensor z = p.ws().take(y.dtype(), y.rows(), y.cols());
      p.kernels().elementwise().copy(y, z);
      keep(z, p);
    }
    finish(y, p);
  }

  /// Keeps z of some rows for [#passed].
  void keep(Tensor z, Pass p) {
    p.taped().push(new Saved(z));
  }

  @Override
  public boolean finishes() {
    return true;
  }

  @Override
  public void finish(Tensor y, Pass p) {
    Magnitude.Gain gain = magnitude.gain(lora, p.ws(), p.kernels());
    p.kernels().elementwise().scaleCols(y, gain.factor(), gain.shift(), y);
  }

  @Override
  public void again(Tensor x, Pass p) {
    lora.again(x, p);
    Tensor z = p.ws().take(x.dtype(), x.rows(), out());
    lora.forward(x, z, p.withoutTape());
    keep(z, p);
  }

  @Override
  public Gradients backward(Tensor dy, @Nullable Tensor dx, boolean add, Pass p) {
    Tensor dz = p.ws().take(dy.dtype(), dy.rows(), dy.cols());
    passed(dy, dz, p);
    return lora.backward(dz, dx, add, p);
  }

  /// Takes z of some rows from the tape, and adds dm.
  ///
  /// @param dz (rows, out), receives what plain LoRA gets in place of dy
  void passed(Tensor dy, Tensor dz, Pass p) {
    Tensor z = p.taped().pop(Saved.class).z();
    Magnitude.Gain gain = magnitude.gain(lora, p.ws(), p.kernels());
    magnitude.gradient(dy, z, lora.bias(), p);
    p.kernels().elementwise().scaleCols(dy, gain.factor(), null, dz);
  }

  @Override
  public SkinnyProduct.@Nullable Weight few() {
    return lora.few();
  }

  @Override
  public void updates(Tensor x, Pass p, List<LowRank> to) {
    lora.updates(x, p, to);
  }

  /// Rows of g ⊙ (W + s·B·A).
  @Override
  public Tensor merged(int from, int to, Workspace ws, Kernels kernels) {
    Tensor sum = lora.merged(from, to, ws, kernels);
    if (!ws.dry()) {
      for (int r = 0; r < sum.rows(); r++) {
        Tensor row = sum.rows(r, r + 1);
        double norm = Math.sqrt(kernels.elementwise().sumOfSquares(row));
        kernels.elementwise().scale(row, norm == 0 ? 0 : magnitude.at(from + r) / norm);
      }
    }
    return sum;
  }

  @Override
  public @Nullable Tensor mergedBias(Scope scope) {
    return lora.mergedBias(scope);
  }

  @Override
  public int rowsOf(long bytes, Dtype dtype) {
    return lora.rowsOf(bytes, dtype);
  }

  @Override
  public DoraLinear around(Linear other) {
    return new DoraLinear(lora.around(other), magnitude);
  }

  @Override
  public boolean changes() {
    return lora.changes();
  }

  @Override
  public @Nullable Parameter trainedWeight() {
    return lora.trainedWeight();
  }

  @Override
  public void parameters(Consumer<Parameter> each) {
    lora.parameters(each);
    each.accept(magnitude.parameter());
  }
}
