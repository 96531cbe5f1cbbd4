package dev.nudge.nn;

import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// The gated feed-forward part of a decoder layer: down(silu(gate(x)) · up(x)).
public final class Mlp {
  private final LinearSlot gateProj;
  private final LinearSlot upProj;
  private final LinearSlot downProj;

  public Mlp(LinearSlot gateProj, LinearSlot upProj, LinearSlot downProj) {
    this.gateProj = gateProj;
    this.upProj = upProj;
    this.downProj = downProj;
  }

  private record Saved(Tensor gate, Tensor up) implements Tape.Entry {}

  /// Computes `y` from `x`, both (rows, width), and may be one buffer. `inner` is one scratch
  /// (rows, inner width) for all layers, recomputed in the backward pass.
  public void forward(Tensor x, Tensor y, Tensor inner, Pass p) {
    Saved s = gated(x, inner, p);
    downProj.linear().forward(inner, y, p);
    if (p.tape() != null) {
      p.tape().push(s);
    }
  }

  /// Saves again what [#forward] saves, where it ran without a tape; `down_proj` does not run.
  public void again(Tensor x, Tensor inner, Pass p) {
    Saved s = gated(x, inner, p);
    downProj.linear().again(inner, p);
    p.taped().push(s);
  }

  private Saved gated(Tensor x, Tensor inner, Pass p) {
    Tensor gate = p.ws().take(x.dtype(), x.rows(), inner.cols());
    Tensor up = p.ws().take(x.dtype(), x.rows(), inner.cols());
    gateProj.linear().forward(x, gate, p);
    upProj.linear().forward(x, up, p);
    p.kernels().swiGlu().forward(gate, up, inner);
    return new Saved(gate, up);
  }

  /// Computes dx from dy. `dx` may share its memory with `inner`.
  ///
  /// @return the gradients that need the input
  public Linear.Gradients backward(Tensor dy, @Nullable Tensor dx, Tensor inner, Pass p) {
    Saved s = p.taped().pop(Saved.class);
    Workspace ws = p.ws();
    int mark = ws.mark();
    Linear.Gradients down = downProj.linear().backward(dy, inner, false, p);
    p.kernels().swiGlu().backward(inner, s.gate(), s.up(), s.gate(), s.up(), inner);
    down.add(inner);
    ws.release(mark);
    Linear.Gradients up = upProj.linear().backward(s.up(), dx, false, p);
    Linear.Gradients gate = gateProj.linear().backward(s.gate(), dx, true, p);
    return x -> {
      gate.add(x);
      up.add(x);
    };
  }

  /// Visits the parameters that train.
  void parameters(Consumer<Parameter> each) {
    List.of(gateProj, upProj, downProj).forEach(slot -> slot.linear().parameters(each));
  }

  /// Width between the two products.
  public int inner() {
    return gateProj.linear().out();
  }
}
