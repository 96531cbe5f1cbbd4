package dev.nudge.nn;

import dev.nudge.kernel.Glu;
import dev.nudge.kernel.Routing;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// The gated MLP of a decoder layer: down(a(gate(x)) · up(x)), with a the activation.
public final class Mlp implements Body {
  private final SplitLinear gateUp;
  private final LinearSlot downProj;
  private final Glu.Activation activation;

  /// @param gateUp computes gate and up
  public Mlp(SplitLinear gateUp, LinearSlot downProj, Glu.Activation activation) {
    this.gateUp = gateUp;
    this.downProj = downProj;
    this.activation = activation;
  }

  private record Saved(SplitLinear.Parts parts) implements Tape.Entry {
    Tensor gate() {
      return parts.get(0);
    }

    Tensor up() {
      return parts.get(1);
    }
  }

  @Override
  public void forward(Tensor x, Tensor y, Tensor inner, @Nullable Kept kept, Pass p) {
    Tensor h = own(inner);
    Saved s = gated(x, h, p);
    downProj.linear().forward(h, y, p);
    if (p.tape() != null) {
      p.tape().push(s);
    }
  }

  @Override
  public void again(Tensor x, @Nullable Tensor y, Tensor inner, @Nullable Kept kept, Pass p) {
    Tensor h = own(inner);
    Saved s = gated(x, h, p);
    if (y == null) {
      downProj.linear().again(h, p);
    } else {
      downProj.linear().forward(h, y, p);
    }
    p.taped().push(s);
  }

  private Saved gated(Tensor x, Tensor h, Pass p) {
    Saved s = new Saved(gateUp.forward(x, p));
    Glu glu = p.kernels().glu(activation);
    p.ws()
        .rows(
            h.rows(),
            h.cols(),
            (from, to) ->
                glu.forward(s.gate().rows(from, to), s.up().rows(from, to), h.rows(from, to)));
    return s;
  }

  @Override
  public Linear.Gradients backward(Tensor dy, @Nullable Tensor dx, Tensor inner, Pass p) {
    return backward(dy, dx, own(inner), null, p);
  }

  /// The scratch in this MLP's width, where another layer is wider.
  private Tensor own(Tensor inner) {
    return inner.cols() == inner()
        ? inner
        : Tensor.of(inner.data(), inner.dtype(), inner.rows(), inner());
  }

  /// Computes dx from dy, and of each row dy·y, y being its output.
  ///
  /// @param products a column, written; null: not computed
  Linear.Gradients backward(
      Tensor dy, @Nullable Tensor dx, Tensor inner, @Nullable Tensor products, Pass p) {
    Saved s = p.taped().pop(Saved.class);
    Workspace ws = p.ws();
    int mark = ws.mark();
    Tensor h = products == null ? inner : ws.take(inner.dtype(), inner.rows(), inner.cols());
    Linear.Gradients down = downProj.linear().backward(dy, inner, false, p);
    p.kernels().glu(activation).backward(inner, s.gate(), s.up(), s.gate(), s.up(), h);
    if (products != null && !ws.dry()) {
      Routing.dots(inner, h, products);
    }
    down.add(h);
    ws.release(mark);
    return gateUp.backward(s.parts(), dx, p);
  }

  @Override
  public void parameters(Consumer<Parameter> each) {
    gateUp.parameters(each);
    downProj.linear().parameters(each);
  }

  @Override
  public int inner() {
    return gateUp.width(0);
  }
}
