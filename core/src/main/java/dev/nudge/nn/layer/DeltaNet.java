package dev.nudge.nn.layer;

import dev.nudge.kernel.DeltaRule;
import dev.nudge.nn.KvCache;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Norm;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Pass;
import dev.nudge.nn.Segments;
import dev.nudge.nn.SplitLinear;
import dev.nudge.nn.Tape;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Gated DeltaNet in attention's place (Qwen3-Next, Qwen3.5): a short convolution over queries,
/// keys and values, SiLU, the gated delta rule, a norm of each head, and a gate.
///
///     y = out(norm(rule(silu(conv(qkv)), a, b)) ⊙ silu(z))
///
/// A sequence's state is the last inputs of the convolution and the rule's [DeltaRule.State]. The
/// tape keeps the projections; the backward pass recomputes the rest.
public final class DeltaNet implements Body {
  private final int layer;
  private final DeltaRule.Shape shape;
  private final SplitLinear in;
  private final ShortConvolution.Filter filter;
  private final Decay decay;
  private final Norm norm;
  private final LinearSlot out;

  /// How fast each head forgets.
  ///
  /// @param rate logarithm of the rate A, (1, value heads) in the compute type
  /// @param bias of a, (1, value heads)
  /// @param trainedRate null: the rate is frozen
  /// @param trainedBias null: the bias is frozen
  public record Decay(
      Tensor rate, Tensor bias, @Nullable Parameter trainedRate, @Nullable Parameter trainedBias) {}

  /// @param layer index of this layer among the recurrent ones
  /// @param in computes queries, keys and values together; z; b; a
  /// @param norm of each head's output
  public DeltaNet(
      int layer,
      DeltaRule.Shape shape,
      SplitLinear in,
      ShortConvolution.Filter filter,
      Decay decay,
      Norm norm,
      LinearSlot out) {
    this.layer = layer;
    this.shape = shape;
    this.in = in;
    this.filter = filter;
    this.decay = decay;
    this.norm = norm;
    this.out = out;
  }

  private record Saved(SplitLinear.Parts parts) implements Tape.Entry {
    Tensor qkv() {
      return parts.get(0);
    }

    Tensor z() {
      return parts.get(1);
    }

    Tensor b() {
      return parts.get(2);
    }

    Tensor a() {
      return parts.get(3);
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
    return shape.outputs();
  }

  /// h ← norm(rule(…)) ⊙ silu(z), the input of `out`.
  private void gated(Saved s, Tensor h, Pass p) {
    int mark = p.ws().mark();
    Tensor mixed = take(s, shape.columns(), p);
    filter.forward(layer, s.qkv(), mixed, p);
    p.kernels().sigmoidGlu().forward(mixed, mixed, mixed);
    attend(s, mixed, h, p);
    norm.normalise(heads(h), heads(h), p);
    p.kernels().swiGlu().forward(s.z(), h, h);
    p.ws().release(mark);
  }

  private static Tensor take(Saved s, int cols, Pass p) {
    return p.ws().take(s.qkv().dtype(), s.qkv().rows(), cols);
  }

  /// Views the heads of all rows as rows.
  private Tensor heads(Tensor o) {
    return o.reshaped(o.elements() / shape.valueDim(), shape.valueDim());
  }

  private DeltaRule.Inputs inputs(Saved s, Tensor mixed, int from, int to) {
    return new DeltaRule.Inputs(
        mixed.rows(from, to),
        s.a().rows(from, to),
        s.b().rows(from, to),
        decay.rate(),
        decay.bias());
  }

  /// Applies the rule to each sequence, and advances its states.
  private void attend(Saved s, Tensor mixed, Tensor o, Pass p) {
    Segments rows = p.rows();
    for (int i = 0; i < rows.count() && !p.ws().dry(); i++) {
      int from = rows.start(i);
      int to = from + rows.length(i);
      KvCache cache = rows.cache(i);
      List<Tensor> state = ShortConvolution.states(layer, rows, i);
      int snapshot = cache == null ? 0 : from + cache.snapshotAt() - rows.past(i);
      if (cache != null && snapshot > from) {
        attend(s, mixed, o, from, snapshot, rows.past(i), state, p);
        List<Tensor> kept = cache.snapshot(layer);
        for (int each = 1; each < kept.size(); each++) {
          kept.get(each).data().copyFrom(state.get(each).data());
        }
        from = snapshot;
      }
      attend(s, mixed, o, from, to, rows.past(i) + from - rows.start(i), state, p);
    }
  }

  private void attend(
      Saved s, Tensor mixed, Tensor o, int from, int to, int past, List<Tensor> state, Pass p) {
    if (from == to) {
      return;
    }
    DeltaRule.Inputs inputs = inputs(s, mixed, from, to);
    DeltaRule.State of =
        state.isEmpty()
            ? null
            : new DeltaRule.State(state.get(1), state.get(2), state.get(3), state.get(4));
    Tensor own = o.rows(from, to);
    long work = (long) own.rows() * (shape.keyDim() + DeltaRule.CHUNK) * shape.valueDim();
    p.ws()
        .rows(
            shape.keyHeads(),
            work,
            (first, end) ->
                p.kernels().deltaRule().forward(shape, inputs, past, of, own, first, end));
  }

  /// Computes dx from dy. Overwrites the projections with their gradients.
  @Override
  public Linear.Gradients backward(Tensor dy, @Nullable Tensor dx, Tensor inner, Pass p) {
    Saved s = p.taped().pop(Saved.class);
    Workspace ws = p.ws();
    int mark = ws.mark();
    Tensor convolved = take(s, shape.columns(), p);
    filter.forward(layer, s.qkv(), convolved, p);
    Tensor mixed = take(s, shape.columns(), p);
    p.kernels().sigmoidGlu().forward(convolved, convolved, mixed);
    Tensor o = take(s, shape.outputs(), p);
    attend(s, mixed, o, p);
    Tensor normed = take(s, shape.outputs(), p);
    Tensor rstd = norm.normalise(heads(o), heads(normed), p);
    Tensor h = take(s, shape.outputs(), p);
    Linear.Gradients gradients = out.linear().backward(dy, h, false, p);
    p.kernels().swiGlu().backward(h, s.z(), normed, s.z(), normed, h);
    gradients.add(h);
    int inside = ws.mark();
    Tensor dNormed = ws.take(o.dtype().accumulator(), heads(o).rows(), shape.valueDim());
    p.kernels().elementwise().copy(heads(normed), dNormed);
    norm.backward(new Norm.Saved(heads(o), rstd), dNormed, heads(o), p);
    ws.release(inside);
    attendBackward(s, mixed, o, p);
    Tensor rest = take(s, shape.columns(), p);
    p.kernels().sigmoidGlu().backward(mixed, convolved, convolved, convolved, mixed, rest);
    p.kernels().elementwise().add(mixed, convolved);
    filter.backward(s.qkv(), convolved, s.qkv(), p);
    ws.release(mark);
    return in.backward(s.parts(), dx, p);
  }

  /// Overwrites queries, keys and values, a and b with their gradients.
  private void attendBackward(Saved s, Tensor mixed, Tensor dOut, Pass p) {
    Segments rows = p.rows();
    for (int i = 0; i < rows.count(); i++) {
      int from = rows.start(i);
      int to = from + rows.length(i);
      DeltaRule.Inputs inputs = inputs(s, mixed, from, to);
      DeltaRule.Gradients written =
          new DeltaRule.Gradients(
              inputs.mixed(),
              inputs.a(),
              inputs.b(),
              gradient(decay.trainedRate(), p),
              gradient(decay.trainedBias(), p));
      Tensor d = dOut.rows(from, to);
      p.ws()
          .each(
              shape.keyHeads(),
              DeltaRule.backwardBytes(shape, to - from, d.dtype()),
              (head, own) ->
                  p.kernels().deltaRule().backward(shape, inputs, d, written, head, own));
    }
  }

  private static @Nullable Tensor gradient(@Nullable Parameter of, Pass p) {
    if (of == null || p.ws().dry()) {
      return null;
    }
    Tensor all = of.gradient(p.ws().lane());
    return all.reshaped(1, all.elements());
  }

  @Override
  public void parameters(Consumer<Parameter> each) {
    in.parameters(each);
    filter.parameters(each);
    if (decay.trainedRate() != null) {
      each.accept(decay.trainedRate());
    }
    if (decay.trainedBias() != null) {
      each.accept(decay.trainedBias());
    }
    Parameter weight = norm.trained();
    if (weight != null) {
      each.accept(weight);
    }
    out.linear().parameters(each);
  }
}
