package dev.nudge.nn.layer;

import dev.nudge.kernel.CausalConvolution;
import dev.nudge.nn.KvCache;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Pass;
import dev.nudge.nn.Segments;
import dev.nudge.nn.SplitLinear;
import dev.nudge.nn.Tape;
import dev.nudge.tensor.Tensor;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// A gated short convolution in attention's place (LFM2): y = out(C ⊙ conv(B ⊙ x)), with B, C and x
/// three projections of the input, each sequence by itself.
///
/// Its state is the last K − 1 products B ⊙ x. The tape keeps the projections; the backward pass
/// recomputes product and convolution.
public final class ShortConvolution implements Body {
  private final int layer;
  private final SplitLinear in;
  private final Filter filter;
  private final LinearSlot out;

  /// Taps of a causal convolution.
  ///
  /// @param weight (1, columns · K) in the compute type, the taps of a column side by side
  /// @param bias (1, columns); null: none
  /// @param trained null: the taps are frozen
  /// @param trainedBias null: the bias is frozen, or there is none
  public record Filter(
      Tensor weight,
      @Nullable Tensor bias,
      @Nullable Parameter trained,
      @Nullable Parameter trainedBias) {
    /// y ← conv(x), each sequence by itself, and the states after it and at snapshots within it.
    ///
    /// @param layer index among the recurrent layers; its first state is the convolution's
    void forward(int layer, Tensor x, Tensor y, Pass p) {
      Segments rows = p.rows();
      for (int i = 0; i < rows.count(); i++) {
        List<Tensor> states = states(layer, rows, i);
        if (!p.ws().dry()) {
          forward(rows.part(x, i), states.isEmpty() ? null : states.getFirst(), rows.part(y, i), p);
        }
        KvCache cache = rows.cache(i);
        if (cache != null && !p.ws().dry()) {
          advance(rows.part(x, i), cache.snapshotAt() - rows.past(i), cache, layer);
        }
      }
    }

    private void forward(Tensor x, @Nullable Tensor before, Tensor y, Pass p) {
      p.ws()
          .rows(
              x.rows(),
              x.cols(),
              (first, end) -> CausalConvolution.forward(x, before, weight, bias, y, first, end));
    }

    private static void advance(Tensor x, int snapshot, KvCache cache, int layer) {
      Tensor state = cache.state(layer).getFirst();
      if (snapshot > 0) {
        CausalConvolution.state(x, state, snapshot, cache.snapshot(layer).getFirst());
      }
      CausalConvolution.state(x, state, x.rows(), state);
    }

    /// Computes dx from dy, and adds the gradients of taps and bias if they train.
    ///
    /// @param dx not dy; may be x
    void backward(Tensor x, Tensor dy, Tensor dx, Pass p) {
      Segments rows = p.rows();
      for (int i = 0; i < rows.count() && !p.ws().dry(); i++) {
        Tensor d = rows.part(dy, i);
        if (trained != null) {
          CausalConvolution.gradient(rows.part(x, i), d, trained.gradient(p.ws().lane()));
        }
        if (trainedBias != null) {
          p.kernels().elementwise().colSum(d, trainedBias.gradient(p.ws().lane()), true);
        }
        CausalConvolution.backward(d, weight, rows.part(dx, i));
      }
    }

    void parameters(Consumer<Parameter> each) {
      if (trained != null) {
        each.accept(trained);
      }
      if (trainedBias != null) {
        each.accept(trainedBias);
      }
    }
  }

  /// @param layer index of this layer among the recurrent ones
  /// @param in computes B, C and x
  public ShortConvolution(int layer, SplitLinear in, Filter filter, LinearSlot out) {
    this.layer = layer;
    this.in = in;
    this.filter = filter;
    this.out = out;
  }

  private record Saved(SplitLinear.Parts parts) implements Tape.Entry {
    Tensor b() {
      return parts.get(0);
    }

    Tensor c() {
      return parts.get(1);
    }

    Tensor x() {
      return parts.get(2);
    }
  }

  @Override
  public void forward(Tensor x, Tensor y, Tensor inner, @Nullable Activations kept, Pass p) {
    Saved s = new Saved(in.forward(x, p));
    Tensor h = scratch(inner);
    gated(s, h, p);
    out.linear().forward(h, y, p);
    if (p.tape() != null) {
      p.tape().push(s);
    }
  }

  @Override
  public void again(
      Tensor x, @Nullable Tensor y, Tensor inner, @Nullable Activations kept, Pass p) {
    Saved s = new Saved(in.forward(x, p));
    Tensor h = scratch(inner);
    gated(s, h, p);
    if (y == null) {
      out.linear().again(h, p);
    } else {
      out.linear().forward(h, y, p);
    }
    p.taped().push(s);
  }

  @Override
  public int inner() {
    return in.width(0);
  }

  /// h ← C ⊙ conv(B ⊙ x).
  private void gated(Saved s, Tensor h, Pass p) {
    int mark = p.ws().mark();
    Tensor products = product(s.b(), s.x(), take(s, p), p);
    filter.forward(layer, products, h, p);
    product(s.c(), h, h, p);
    p.ws().release(mark);
  }

  private static Tensor take(Saved s, Pass p) {
    return p.ws().take(s.x().dtype(), s.x().rows(), s.x().cols());
  }

  private static Tensor product(Tensor a, Tensor b, Tensor y, Pass p) {
    if (!p.ws().dry()) {
      p.ws().rows(a.rows(), a.cols(), (from, to) -> CausalConvolution.product(a, b, y, from, to));
    }
    return y;
  }

  /// The states of sequence `i` in a recurrent layer; empty: it has none.
  static List<Tensor> states(int layer, Segments rows, int i) {
    KvCache cache = rows.cache(i);
    if (cache == null && rows.past(i) > 0) {
      throw new IllegalStateException("a recurrent layer needs whole sequences, or their states");
    }
    return cache == null ? List.of() : cache.state(layer);
  }

  /// Computes dx from dy. Overwrites B, C and x with their gradients.
  @Override
  public Linear.Gradients backward(Tensor dy, @Nullable Tensor dx, Tensor inner, Pass p) {
    Saved s = p.taped().pop(Saved.class);
    int mark = p.ws().mark();
    Tensor dh = take(s, p);
    Linear.Gradients gradients = out.linear().backward(dy, dh, false, p);
    Tensor products = product(s.b(), s.x(), take(s, p), p);
    Tensor convolved = take(s, p);
    filter.forward(layer, products, convolved, p);
    Tensor h = product(s.c(), convolved, take(s, p), p);
    gradients.add(h);
    Tensor dConvolved = product(dh, s.c(), h, p);
    product(dh, convolved, s.c(), p);
    Tensor dProducts = dh;
    filter.backward(products, dConvolved, dProducts, p);
    product(dProducts, s.b(), products, p); // dx, until x is read
    product(dProducts, s.x(), s.b(), p);
    p.kernels().elementwise().copy(products, s.x());
    p.ws().release(mark);
    return in.backward(s.parts(), dx, p);
  }

  @Override
  public void parameters(Consumer<Parameter> each) {
    in.parameters(each);
    filter.parameters(each);
    out.linear().parameters(each);
  }
}
