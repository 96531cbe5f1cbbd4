package dev.nudge.nn.layer;

import dev.nudge.kernel.Attend;
import dev.nudge.kernel.Clip;
import dev.nudge.kernel.KeyValues;
import dev.nudge.nn.KvCache;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Norm;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Pass;
import dev.nudge.nn.Segments;
import dev.nudge.nn.SplitLinear;
import dev.nudge.nn.Tape;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Team;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Causal self-attention with grouped heads (GQA), each sequence by itself.
///
/// Queries and keys may be normalised (QK-norm), per head or over the whole width, before or after
/// RoPE. The tape then keeps the unnormalised queries and keys, and the backward pass reapplies the
/// norm, and RoPE if it follows the norm.
public final class Attention implements Body {
  private final int layer;
  private final Attend.Shape shape;
  private final @Nullable Rotary queries;
  private final @Nullable Rotary keys;
  private final SplitLinear qkv;
  private final LinearSlot oProj;
  private final @Nullable Norms norms;
  private final @Nullable Sinks sinks;
  private final boolean gated;
  private final SharedAttention shared;
  private final BranchAttention branches;

  /// Norms of queries and keys (QK-norm).
  ///
  /// @param wholeWidth whether a norm spans all heads of a position; false: each head
  /// @param turned whether RoPE comes before the norms
  /// @param clip bound of normalised queries and keys, and of values; 0: none
  public record Norms(Norm q, Norm k, boolean wholeWidth, boolean turned, double clip) {}

  /// @param layer index of this layer in a [KvCache]
  /// @param queries RoPE of the queries; null: this layer has no position embedding (NoPE)
  /// @param keys RoPE of the keys
  /// @param qkv computes queries, keys and values
  /// @param norms null: no QK-norm
  /// @param sinks null: no attention sinks
  /// @param gated whether `qkv` computes, behind the query of each head, the gate of its output
  public Attention(
      int layer,
      Attend.Shape shape,
      @Nullable Rotary queries,
      @Nullable Rotary keys,
      SplitLinear qkv,
      LinearSlot oProj,
      @Nullable Norms norms,
      @Nullable Sinks sinks,
      boolean gated) {
    this.layer = layer;
    this.shape = shape;
    this.queries = queries;
    this.keys = keys;
    this.qkv = qkv;
    this.oProj = oProj;
    this.norms = norms;
    this.sinks = sinks;
    this.gated = gated;
    this.shared = new SharedAttention(shape);
    this.branches = new BranchAttention(shape);
  }

  /// The output of attention before `o_proj`, with its log-sum-exp.
  ///
  /// @param out (rows, query width)
  /// @param lse log-sum-exp of the scores, (rows · heads, 1)
  public record Output(Tensor out, Tensor lse) implements Activations {}

  /// The projections, rotated unless a norm precedes RoPE, and the output.
  ///
  /// @param q the queries
  /// @param gate of the output; null: none
  private record Saved(SplitLinear.Parts parts, Tensor q, @Nullable Tensor gate, Output output)
      implements Tape.Entry {
    Tensor k() {
      return parts.get(1);
    }

    Tensor v() {
      return parts.get(2);
    }
  }

  @Override
  public Output kept(Tensor x, Workspace ws) {
    return new Output(
        ws.take(x.dtype(), x.rows(), shape.queryWidth()),
        ws.take(x.dtype().accumulator(), shape.count() * x.rows(), 1));
  }

  @Override
  public void forward(Tensor x, Tensor y, Tensor inner, @Nullable Activations kept, Pass p) {
    Output output = (Output) Objects.requireNonNull(kept);
    Saved s = projected(x, output, p);
    int mark = p.ws().mark();
    Tensor q = norms == null ? s.q() : turned(s.q(), norms.q(), queries, p).x();
    Tensor k = norms == null ? s.k() : turned(s.k(), norms.k(), keys, p).x();
    Tensor v = values(s, p);
    if (p.rows().share() == null) {
      attend(q, k, v, output, p);
    } else {
      shared.forward(q, k, v, output, p);
    }
    if (sinks != null && p.team() == null) {
      sinks.forward(shape, output, p);
    }
    p.ws().release(mark);
    oProj.linear().forward(opened(s, inner, p), y, p);
    push(s, p);
  }

  /// Decodes: computes each query's attention on its own, in parallel on the team.
  private void decode(Tensor q, Tensor k, Tensor v, Tensor out, Pass p, Team team) {
    Segments rows = p.rows();
    KeyValues[] seen = new KeyValues[rows.rows()];
    for (int i = 0; i < rows.count(); i++) {
      int from = rows.start(i);
      int to = from + rows.length(i);
      KvCache cache = Objects.requireNonNull(rows.cache(i), "a pass that decodes has caches");
      KeyValues all = cache.append(layer, k.rows(from, to), v.rows(from, to), p.kernels());
      for (int row = from; row < to; row++) {
        seen[row] = all.upTo(rows.past(i) + row - from + 1);
      }
    }
    Tensor logits = sinks == null ? null : sinks.logits();
    p.kernels().attendOne().forward(shape, q, List.of(seen), logits, out, team);
  }

  private void attend(Tensor q, Tensor k, Tensor v, Output output, Pass p) {
    if (p.team() != null) {
      decode(q, k, v, output.out(), p, p.team());
      return;
    }
    Segments rows = p.rows();
    for (int i = 0; i < rows.count(); i = rows.behind(i)) {
      int from = rows.start(i);
      int to = from + rows.length(i);
      Tensor keys = k.rows(from, to);
      Tensor values = v.rows(from, to);
      KvCache cache = rows.cache(i);
      KeyValues kv =
          cache == null
              ? KeyValues.of(keys, values)
              : cache.append(layer, keys, values, p.kernels());
      p.kernels()
          .attend()
          .forward(
              shape,
              q.rows(from, to),
              kv,
              output.out().rows(from, to),
              output.lse().rows(shape.count() * from, shape.count() * to),
              p.ws(),
              p.kernels());
      branches.forward(i, q, k, v, output, p);
    }
  }

  @Override
  public void again(
      Tensor x, @Nullable Tensor y, Tensor inner, @Nullable Activations kept, Pass p) {
    Output output = (Output) Objects.requireNonNull(kept);
    Saved s = projected(x, output, p);
    Tensor opened = opened(s, inner, p);
    if (y == null) {
      oProj.linear().again(opened, p);
    } else {
      oProj.linear().forward(opened, y, p);
    }
    push(s, p);
  }

  /// Projects queries, keys and values, and applies RoPE unless a norm comes first.
  private Saved projected(Tensor x, Output output, Pass p) {
    SplitLinear.Parts parts = qkv.forward(x, p);
    Saved s = gated ? divided(parts, output, p) : new Saved(parts, parts.get(0), null, output);
    if (turnsFirst()) {
      turn(s.q(), queries, false, p);
      turn(s.k(), keys, false, p);
    }
    return s;
  }

  /// Takes queries and gates apart, which alternate head by head.
  private Saved divided(SplitLinear.Parts parts, Output output, Pass p) {
    Tensor both = parts.get(0);
    Tensor q = p.ws().take(both.dtype(), both.rows(), shape.queryWidth());
    Tensor gate = p.ws().take(both.dtype(), both.rows(), shape.queryWidth());
    p.kernels().elementwise().copy(half(both, 0), parts(q, false));
    p.kernels().elementwise().copy(half(both, 1), parts(gate, false));
    return new Saved(parts, q, gate, output);
  }

  /// Views the queries (0) or the gates (1) of all heads as rows.
  private Tensor half(Tensor both, int which) {
    Tensor heads = both.reshaped(both.elements() / (2L * shape.dim()), 2L * shape.dim());
    return heads.cols(which * shape.dim(), (which + 1) * shape.dim());
  }

  /// Returns the input of `o_proj`: the output of attention, times the sigmoid of its gate.
  private Tensor opened(Saved s, Tensor inner, Pass p) {
    Tensor out = s.output().out();
    if (s.gate() == null) {
      return out;
    }
    Tensor to = scratch(inner);
    p.kernels().sigmoidGlu().forward(s.gate(), out, to);
    return to;
  }

  @Override
  public int inner() {
    return gated ? shape.queryWidth() : 0;
  }

  /// Returns whether RoPE precedes any norm.
  private boolean turnsFirst() {
    return norms == null || norms.turned();
  }

  private void turn(Tensor x, @Nullable Rotary rotary, boolean inverse, Pass p) {
    if (rotary != null) {
      rotary.apply(x, shape.dim(), inverse, p);
    }
  }

  private double clip() {
    return norms == null ? 0 : norms.clip();
  }

  /// Returns the values, clamped into the workspace if it clamps.
  private Tensor values(Saved s, Pass p) {
    if (clip() == 0) {
      return s.v();
    }
    Tensor v = p.ws().take(s.v().dtype(), s.v().rows(), s.v().cols());
    if (!p.ws().dry()) {
      Clip.forward(s.v(), clip(), v);
    }
    return v;
  }

  /// Applies norm, clamping and RoPE, into the workspace.
  ///
  /// @return the result, with 1/rms of its input
  private Norm.Saved turned(Tensor raw, Norm norm, @Nullable Rotary rotary, Pass p) {
    boolean wholeWidth = norms != null && norms.wholeWidth();
    Tensor x = p.ws().take(raw.dtype(), raw.rows(), raw.cols());
    Tensor rstd = norm.normalise(parts(raw, wholeWidth), parts(x, wholeWidth), p);
    if (clip() > 0 && !p.ws().dry()) {
      Clip.forward(x, clip(), x);
    }
    if (!turnsFirst()) {
      turn(x, rotary, false, p);
    }
    return new Norm.Saved(x, rstd);
  }

  /// Views `x` as a norm's rows: positions or heads.
  private Tensor parts(Tensor x, boolean wholeWidth) {
    return wholeWidth ? x : x.reshaped(x.elements() / shape.dim(), shape.dim());
  }

  private static void push(Saved s, Pass p) {
    if (p.tape() != null) {
      p.tape().push(s);
    }
  }

  /// Computes dx from dy. Overwrites q, k and v with their gradients.
  @Override
  public Linear.Gradients backward(Tensor dy, @Nullable Tensor dx, Tensor inner, Pass p) {
    Saved s = p.taped().pop(Saved.class);
    Workspace ws = p.ws();
    int mark = ws.mark();
    Tensor dOut = ws.take(dy.dtype(), dy.rows(), shape.queryWidth());
    Linear.Gradients gradients = oProj.linear().backward(dy, dOut, false, p);
    Tensor gate = s.gate();
    if (gate == null) {
      gradients.add(s.output().out());
    } else {
      Tensor opened = ws.take(dOut.dtype(), dOut.rows(), dOut.cols());
      p.kernels().sigmoidGlu().backward(dOut, gate, s.output().out(), gate, dOut, opened);
      gradients.add(opened);
    }
    if (sinks != null) {
      sinks.backward(shape, s.output(), dOut, p);
    }
    Norm.Saved q = norms == null ? null : turned(s.q(), norms.q(), queries, p);
    Norm.Saved k = norms == null ? null : turned(s.k(), norms.k(), keys, p);
    Tensor v = values(s, p);
    backward(q == null ? s.q() : q.x(), k == null ? s.k() : k.x(), v, s, dOut, p);
    if (clip() > 0 && !ws.dry()) {
      Clip.backward(s.v(), clip(), v, s.v());
    }
    if (norms != null && q != null && k != null) {
      through(norms.q(), s.q(), q, norms.wholeWidth(), p);
      through(norms.k(), s.k(), k, norms.wholeWidth(), p);
    }
    if (turnsFirst()) {
      turn(s.q(), queries, true, p);
      turn(s.k(), keys, true, p);
    }
    if (gate != null) {
      p.kernels().elementwise().copy(parts(s.q(), false), half(s.parts().get(0), 0));
      p.kernels().elementwise().copy(parts(gate, false), half(s.parts().get(0), 1));
    }
    ws.release(mark);
    return qkv.backward(s.parts(), dx, p);
  }

  /// Overwrites q, k, v with gradients, rotated back if RoPE comes last.
  private void backward(Tensor q, Tensor k, Tensor v, Saved s, Tensor dOut, Pass p) {
    if (p.rows().share() == null) {
      backward(q, k, v, s.output(), dOut, p);
    } else {
      shared.backward(q, k, v, s.output(), dOut, p);
    }
    if (!turnsFirst()) {
      turn(q, queries, true, p);
      turn(k, keys, true, p);
    }
  }

  /// Overwrites the input of a norm with its gradient.
  ///
  /// @param normed the gradient of the norm's output, with 1/rms
  private void through(Norm norm, Tensor raw, Norm.Saved normed, boolean wholeWidth, Pass p) {
    Dtype acc = raw.dtype().accumulator();
    Tensor x = parts(raw, wholeWidth);
    int mark = p.ws().mark();
    if (clip() > 0) {
      Tensor before = p.ws().take(x.dtype(), raw.rows(), raw.cols());
      norm.normalise(x, parts(before, wholeWidth), p);
      if (!p.ws().dry()) {
        Clip.backward(before, clip(), normed.x(), normed.x());
      }
    }
    Tensor dy = p.ws().take(acc, x.rows(), x.cols());
    p.kernels().elementwise().copy(parts(normed.x(), wholeWidth), dy);
    norm.backward(new Norm.Saved(x, normed.rstd()), dy, x, p);
    p.ws().release(mark);
  }

  private void backward(Tensor q, Tensor k, Tensor v, Output output, Tensor dOut, Pass p) {
    Segments rows = p.rows();
    for (int i = 0; i < rows.count(); i = rows.behind(i)) {
      if (rows.behind(i) > i + 1) {
        branches.backward(i, q, k, v, output, dOut, p);
        continue;
      }
      int from = rows.start(i);
      int to = from + rows.length(i);
      Tensor dq = q.rows(from, to);
      Tensor dk = k.rows(from, to);
      Tensor dv = v.rows(from, to);
      p.kernels()
          .attend()
          .backward(
              shape,
              dq,
              dk,
              dv,
              output.out().rows(from, to),
              output.lse().rows(shape.count() * from, shape.count() * to),
              dOut.rows(from, to),
              dq,
              dk,
              dv,
              p.ws(),
              p.kernels());
    }
  }

  @Override
  public void parameters(Consumer<Parameter> each) {
    qkv.parameters(each);
    oProj.linear().parameters(each);
    if (sinks != null && sinks.trained() != null) {
      each.accept(sinks.trained());
    }
    if (norms != null) {
      for (Norm norm : List.of(norms.q(), norms.k())) {
        if (norm.trained() != null) {
          each.accept(norm.trained());
        }
      }
    }
  }
}
