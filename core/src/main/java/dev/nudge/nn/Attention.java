package dev.nudge.nn;

import dev.nudge.kernel.CausalAttention;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Causal self-attention with grouped heads and rotary positions, each sequence by itself.
public final class Attention {
  private final int layer;
  private final CausalAttention.Heads heads;
  private final Rotary rotary;
  private final LinearSlot qProj;
  private final LinearSlot kProj;
  private final LinearSlot vProj;
  private final LinearSlot oProj;
  private final SharedAttention shared;

  /// @param layer index of this layer in a [KvCache]
  public Attention(
      int layer,
      CausalAttention.Heads heads,
      Rotary rotary,
      LinearSlot qProj,
      LinearSlot kProj,
      LinearSlot vProj,
      LinearSlot oProj) {
    this.layer = layer;
    this.heads = heads;
    this.rotary = rotary;
    this.qProj = qProj;
    this.kProj = kProj;
    this.vProj = vProj;
    this.oProj = oProj;
    this.shared = new SharedAttention(heads);
  }

  /// The result of attention before `o_proj`.
  ///
  /// @param out (rows, query width)
  /// @param lse log-sum-exp of the scores, (rows · heads, 1)
  public record Output(Tensor out, Tensor lse) {}

  private record Saved(Tensor q, Tensor k, Tensor v, Output output) implements Tape.Entry {}

  /// Takes the memory of an output for `x`.
  public Output output(Tensor x, Workspace ws) {
    return new Output(
        ws.take(x.dtype(), x.rows(), heads.queryWidth()),
        ws.take(x.dtype().accumulator(), heads.count() * x.rows(), 1));
  }

  /// Computes `output` and `y` from `x`; x and y are (rows, width) and may be one buffer.
  public void forward(Tensor x, Tensor y, Output output, Pass p) {
    Saved s = projected(x, output, p);
    if (p.rows().share() == null) {
      attend(s, p);
    } else {
      shared.forward(s.q(), s.k(), s.v(), output, p);
    }
    finish(s, y, p);
  }

  private void attend(Saved s, Pass p) {
    Output output = s.output();
    Segments rows = p.rows();
    for (int i = 0; i < rows.count(); i++) {
      int from = rows.start(i);
      int to = from + rows.length(i);
      KvCache cache = rows.cache(i);
      Tensor k = s.k();
      Tensor v = s.v();
      Tensor keys = cache == null ? k.rows(from, to) : kept(cache.keys(layer), k, i, p);
      Tensor values = cache == null ? v.rows(from, to) : kept(cache.values(layer), v, i, p);
      CausalAttention.forward(
          heads,
          s.q().rows(from, to),
          keys,
          values,
          output.out().rows(from, to),
          output.lse().rows(heads.count() * from, heads.count() * to),
          p.ws(),
          p.kernels());
    }
  }

  /// Computes `y` again and saves again what [#forward] saves, from an output that was kept.
  public void again(Tensor x, Tensor y, Output output, Pass p) {
    finish(projected(x, output, p), y, p);
  }

  private Saved projected(Tensor x, Output output, Pass p) {
    Workspace ws = p.ws();
    Tensor q = ws.take(x.dtype(), x.rows(), heads.queryWidth());
    Tensor k = ws.take(x.dtype(), x.rows(), heads.keyWidth());
    Tensor v = ws.take(x.dtype(), x.rows(), heads.keyWidth());
    qProj.linear().forward(x, q, p);
    kProj.linear().forward(x, k, p);
    vProj.linear().forward(x, v, p);
    rotary.apply(q, heads.dim(), false, p);
    rotary.apply(k, heads.dim(), false, p);
    return new Saved(q, k, v, output);
  }

  private void finish(Saved s, Tensor y, Pass p) {
    oProj.linear().forward(s.output().out(), y, p);
    if (p.tape() != null) {
      p.tape().push(s);
    }
  }

  /// Appends the new rows to a cache and gives all its rows.
  private static Tensor kept(Tensor cached, Tensor fresh, int sequence, Pass p) {
    Segments rows = p.rows();
    int past = rows.past(sequence);
    int length = rows.length(sequence);
    int start = rows.start(sequence);
    p.kernels()
        .elementwise()
        .copy(fresh.rows(start, start + length), cached.rows(past, past + length));
    return cached.rows(0, past + length);
  }

  /// Computes dx from dy. Gradients of q, k and v are written over them.
  ///
  /// @return the gradients that need the input
  public Linear.Gradients backward(Tensor dy, @Nullable Tensor dx, Pass p) {
    Saved s = p.taped().pop(Saved.class);
    Workspace ws = p.ws();
    int mark = ws.mark();
    Tensor dOut = ws.take(dy.dtype(), dy.rows(), heads.queryWidth());
    oProj.linear().backward(dy, dOut, false, p).add(s.output().out());
    if (p.rows().share() == null) {
      backward(s, dOut, p);
    } else {
      shared.backward(s.q(), s.k(), s.v(), s.output(), dOut, p);
    }
    rotary.apply(s.q(), heads.dim(), true, p);
    rotary.apply(s.k(), heads.dim(), true, p);
    ws.release(mark);
    Linear.Gradients v = vProj.linear().backward(s.v(), dx, false, p);
    Linear.Gradients k = kProj.linear().backward(s.k(), dx, true, p);
    Linear.Gradients q = qProj.linear().backward(s.q(), dx, true, p);
    return x -> {
      q.add(x);
      k.add(x);
      v.add(x);
    };
  }

  /// Visits the parameters that train.
  void parameters(Consumer<Parameter> each) {
    List.of(qProj, kProj, vProj, oProj).forEach(slot -> slot.linear().parameters(each));
  }

  private void backward(Saved s, Tensor dOut, Pass p) {
    Segments rows = p.rows();
    for (int i = 0; i < rows.count(); i++) {
      int from = rows.start(i);
      int to = from + rows.length(i);
      Tensor q = s.q().rows(from, to);
      Tensor k = s.k().rows(from, to);
      Tensor v = s.v().rows(from, to);
      CausalAttention.backward(
          heads,
          q,
          k,
          v,
          s.output().out().rows(from, to),
          s.output().lse().rows(heads.count() * from, heads.count() * to),
          dOut.rows(from, to),
          q,
          k,
          v,
          p.ws(),
          p.kernels());
    }
  }
}
