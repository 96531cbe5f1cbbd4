package dev.nudge.nn.layer;

import dev.nudge.kernel.ClampedGlu;
import dev.nudge.kernel.Glu;
import dev.nudge.kernel.Routing;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.nn.DecodeProducts;
import dev.nudge.nn.JoinedLinear;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Pass;
import dev.nudge.nn.SplitLinear;
import dev.nudge.nn.Tape;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// The gated MLP of a decoder layer: down(a(gate(x)) · up(x)), with a the activation.
///
/// The tape keeps unclamped gate and up; the backward pass repeats any clamping ([ClampedGlu]).
public final class Mlp implements Body {
  private final SplitLinear gateUp;
  private final LinearSlot downProj;
  private final Glu.Activation activation;
  private final @Nullable ClampedGlu clamp;

  /// @param gateUp computes gate and up
  public Mlp(SplitLinear gateUp, LinearSlot downProj, Glu.Activation activation) {
    this(gateUp, downProj, activation, null);
  }

  /// @param gateUp one layer that computes gate and up
  /// @param clamp of interleaved gate and up; null: they are its halves
  public Mlp(
      SplitLinear gateUp,
      LinearSlot downProj,
      Glu.Activation activation,
      @Nullable ClampedGlu clamp) {
    this.clamp = clamp;
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

    /// Returns both, interleaved.
    Tensor turns() {
      return parts.outputs().getFirst();
    }
  }

  @Override
  public void forward(Tensor x, Tensor y, Tensor inner, @Nullable Activations kept, Pass p) {
    Tensor h = scratch(inner);
    Saved s = gated(x, h, p);
    downProj.linear().forward(h, y, p);
    if (p.tape() != null) {
      p.tape().push(s);
    }
  }

  @Override
  public void again(
      Tensor x, @Nullable Tensor y, Tensor inner, @Nullable Activations kept, Pass p) {
    Tensor h = scratch(inner);
    Saved s = gated(x, h, p);
    if (y == null) {
      downProj.linear().again(h, p);
    } else {
      downProj.linear().forward(h, y, p);
    }
    p.taped().push(s);
  }

  /// Prefetches weights, see [Linear#ask].
  void ask() {
    gateUp.ask();
    downProj.linear().ask();
  }

  /// Returns whether [#together] supports this MLP without adapters.
  boolean few(Dtype type, SkinnyProduct kernel) {
    return gateUp.few(type, kernel) && JoinedLinear.few(downProj.linear(), type, kernel);
  }

  /// True if no layer has an adapter.
  boolean bare() {
    return gateUp.bare() && downProj.linear().under() == downProj.linear();
  }

  /// Computes MLPs of equal shape, each from its own rows, as two parallel tasks, without adapters.
  ///
  /// @param all MLPs with [#few]
  /// @param xs rows of each; y concatenates their outputs
  static void together(List<Mlp> all, List<Tensor> xs, Tensor y, Pass p) {
    Mlp first = all.getFirst();
    SplitLinear.Parts parts =
        SplitLinear.together(all.stream().map(mlp -> mlp.gateUp).toList(), xs, p);
    Tensor h = p.ws().take(y.dtype(), y.rows(), first.inner());
    first.activate(new Saved(parts), h, p);
    List<DecodeProducts.Product> products = new ArrayList<>();
    for (int i = 0, at = 0; i < all.size(); i++) {
      int end = at + xs.get(i).rows();
      JoinedLinear.products(
          all.get(i).downProj.linear(), h.rows(at, end), y.rows(at, end), products);
      at = end;
    }
    p.fewOf(products, true);
  }

  private Saved gated(Tensor x, Tensor h, Pass p) {
    Saved s = new Saved(gateUp.forward(x, p));
    activate(s, h, p);
    return s;
  }

  /// Computes h = a(gate) · up.
  private void activate(Saved s, Tensor h, Pass p) {
    int mark = p.ws().mark();
    Saved both = clamped(s, p);
    Glu glu = p.kernels().glu(activation);
    p.ws()
        .rows(
            h.rows(),
            h.cols(),
            (from, to) ->
                glu.forward(
                    both.gate().rows(from, to), both.up().rows(from, to), h.rows(from, to)));
    p.ws().release(mark);
  }

  /// Returns the activation's inputs, in the workspace if they are clamped.
  private Saved clamped(Saved s, Pass p) {
    if (clamp == null) {
      return s;
    }
    Tensor raw = s.turns();
    Tensor both = p.ws().take(raw.dtype(), raw.rows(), raw.cols());
    Tensor gate = both.cols(0, inner());
    Tensor up = both.cols(inner(), both.cols());
    ClampedGlu limits = clamp;
    if (!p.ws().dry()) {
      p.ws()
          .rows(
              raw.rows(),
              raw.cols(),
              (from, to) ->
                  limits.forward(raw.rows(from, to), gate.rows(from, to), up.rows(from, to)));
    }
    return new Saved(new SplitLinear.Parts(List.of(both), List.of(gate, up)));
  }

  @Override
  public Linear.Gradients backward(Tensor dy, @Nullable Tensor dx, Tensor inner, Pass p) {
    return backward(dy, dx, scratch(inner), null, p);
  }

  /// Computes dx from dy, and dy·y of each row, with y the output.
  ///
  /// @param products a column, written; null: not computed
  Linear.Gradients backward(
      Tensor dy, @Nullable Tensor dx, Tensor inner, @Nullable Tensor products, Pass p) {
    Saved s = p.taped().pop(Saved.class);
    Workspace ws = p.ws();
    int mark = ws.mark();
    Tensor h = products == null ? inner : ws.take(inner.dtype(), inner.rows(), inner.cols());
    Linear.Gradients down = downProj.linear().backward(dy, inner, false, p);
    Saved both = clamped(s, p);
    Tensor gate = both.gate();
    Tensor up = both.up();
    p.kernels().glu(activation).backward(inner, gate, up, gate, up, h);
    if (clamp != null && !ws.dry()) {
      clamp.backward(s.turns(), gate, up);
    }
    if (products != null && !ws.dry()) {
      Routing.dots(inner, h, products);
      Tensor bias = downProj.linear().bias();
      if (bias != null) {
        Routing.addDots(dy, bias, products);
      }
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
