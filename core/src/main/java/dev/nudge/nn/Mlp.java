package dev.nudge.nn;

import dev.nudge.tensor.Tensor;
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

  /// Computes `y` from `x`, both (rows, width). `inner` is one scratch (rows, inner width) for all
  /// layers, recomputed in the backward pass.
  public void forward(Tensor x, Tensor y, Tensor inner, Pass p) {
    Tensor gate = p.ws().take(x.dtype(), x.rows(), inner.cols());
    Tensor up = p.ws().take(x.dtype(), x.rows(), inner.cols());
    gateProj.linear().forward(x, gate, p);
    upProj.linear().forward(x, up, p);
    p.kernels().swiGlu().forward(gate, up, inner);
    downProj.linear().forward(inner, y, p);
    if (p.tape() != null) {
      p.tape().push(new Saved(gate, up));
    }
  }

  /// Computes dx from dy; `x`'s buffer holds the input again.
  public void backward(Tensor dy, @Nullable Tensor dx, Tensor inner, Pass p) {
    Saved s = p.taped().pop(Saved.class);
    int mark = p.ws().mark();
    Tensor dInner = p.ws().take(dy.dtype(), dy.rows(), inner.cols());
    p.kernels().swiGlu().forward(s.gate(), s.up(), inner);
    downProj.linear().backward(dy, dInner, false, p);
    p.kernels().swiGlu().backward(dInner, s.gate(), s.up(), s.gate(), s.up());
    upProj.linear().backward(s.up(), dx, false, p);
    gateProj.linear().backward(s.gate(), dx, true, p);
    p.ws().release(mark);
  }

  /// Width between the two products.
  public int inner() {
    return gateProj.linear().out();
  }
}
