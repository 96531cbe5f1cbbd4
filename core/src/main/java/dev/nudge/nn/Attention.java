package dev.nudge.nn;

import dev.nudge.kernel.CausalAttention;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
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
  }

  private record Saved(Tensor q, Tensor k, Tensor v, Tensor out, Tensor lse)
      implements Tape.Entry {}

  /// Computes `y` from `x`, both (rows, width).
  public void forward(Tensor x, Tensor y, Pass p) {
    Workspace ws = p.ws();
    int n = x.rows();
    Tensor q = ws.take(x.dtype(), n, heads.queryWidth());
    Tensor k = ws.take(x.dtype(), n, heads.keyWidth());
    Tensor v = ws.take(x.dtype(), n, heads.keyWidth());
    Tensor out = ws.take(x.dtype(), n, heads.queryWidth());
    Tensor lse = ws.take(x.dtype().accumulator(), heads.count() * n, 1);
    qProj.linear().forward(x, q, p);
    kProj.linear().forward(x, k, p);
    vProj.linear().forward(x, v, p);
    rotary.apply(q, heads.dim(), false, p);
    rotary.apply(k, heads.dim(), false, p);
    Segments rows = p.rows();
    for (int i = 0; i < rows.count(); i++) {
      int from = rows.start(i);
      int to = from + rows.length(i);
      KvCache cache = rows.cache(i);
      Tensor keys = cache == null ? k.rows(from, to) : kept(cache.keys(layer), k, i, p);
      Tensor values = cache == null ? v.rows(from, to) : kept(cache.values(layer), v, i, p);
      CausalAttention.forward(
          heads,
          q.rows(from, to),
          keys,
          values,
          out.rows(from, to),
          lse.rows(heads.count() * from, heads.count() * to),
          ws,
          p.kernels());
    }
    oProj.linear().forward(out, y, p);
    if (p.tape() != null) {
      p.tape().push(new Saved(q, k, v, out, lse));
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

  /// Computes dx from dy; the input's buffer holds the input again.
  public void backward(Tensor dy, @Nullable Tensor dx, Pass p) {
    Saved s = p.taped().pop(Saved.class);
    Workspace ws = p.ws();
    int mark = ws.mark();
    int n = dy.rows();
    Tensor dOut = ws.take(dy.dtype(), n, heads.queryWidth());
    Tensor dq = ws.take(dy.dtype(), n, heads.queryWidth());
    Tensor dk = ws.take(dy.dtype(), n, heads.keyWidth());
    Tensor dv = ws.take(dy.dtype(), n, heads.keyWidth());
    oProj.linear().backward(dy, dOut, false, p);
    Segments rows = p.rows();
    for (int i = 0; i < rows.count(); i++) {
      int from = rows.start(i);
      int to = from + rows.length(i);
      CausalAttention.backward(
          heads,
          s.q().rows(from, to),
          s.k().rows(from, to),
          s.v().rows(from, to),
          s.out().rows(from, to),
          s.lse().rows(heads.count() * from, heads.count() * to),
          dOut.rows(from, to),
          dq.rows(from, to),
          dk.rows(from, to),
          dv.rows(from, to),
          ws,
          p.kernels());
    }
    rotary.apply(dq, heads.dim(), true, p);
    rotary.apply(dk, heads.dim(), true, p);
    vProj.linear().backward(dv, dx, false, p);
    kProj.linear().backward(dk, dx, true, p);
    qProj.linear().backward(dq, dx, true, p);
    ws.release(mark);
  }
}
