package dev.nudge.adapter;

import dev.nudge.kernel.HeadLoss;
import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearWrapper;
import dev.nudge.nn.LowRank;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Pass;
import dev.nudge.nn.Tape;
import dev.nudge.tensor.Packed;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Adds a low-rank update to any linear layer: y = base(x) + s·drop(x)·Aᵀ·Bᵀ.
///
/// The products with A and B stay separate, so neither B·A nor a gradient of the base's weight is
/// formed. Only S = s·drop(x)·Aᵀ (rows, r) is saved for the backward pass, then replaced by dS; the
/// dropout mask is computed again from its counter.
///
///     dS = s·dy·B        dB += dyᵀ·S        dA += dSᵀ·drop(x)        dx += drop′(dS·A)
///
/// A bias c of B (`lora_bias`) adds s·c; dc += s·Σ dy. A and B without gradients are frozen: the
/// pair that an adapter began with, below the one that trains.
///
/// The work is 6·rows·r·(in + out) in all. Sums go straight into the caller's buffers.
///
/// Layers that read the same input (q, k and v; gate and up) have their own products with A: oneDNN
/// multiplies by 16 columns at more than twice the rate of 32 or 48.
public final class LoraLinear implements LowRankLinear, LinearWrapper {
  /// Rows that pass through all products of the layer together, so that the base's output is still
  /// in the second-level cache when the update is added.
  private static final int TILE = 256;

  /// Rows of the largest tile.
  static final int LARGEST_TILE = 2 * TILE - 1;

  private final Linear base;
  private final Parameter a;
  private final Parameter b;
  private final @Nullable Parameter c;
  private final double scaling;
  private final double dropout;
  private final long salt;

  private LoraLinear(
      Linear base,
      Parameter a,
      Parameter b,
      @Nullable Parameter c,
      double scaling,
      double dropout,
      long salt) {
    this.base = base;
    this.a = a;
    this.b = b;
    this.c = c;
    this.scaling = scaling;
    this.dropout = dropout;
    this.salt = salt;
  }

  /// Wraps `base`.
  ///
  /// @param a (r, in)
  /// @param b (out, r)
  /// @param scaling alpha/r, or alpha/√r
  /// @param dropout probability that an input of A is dropped while training
  public static LoraLinear of(
      Linear base, Parameter a, Parameter b, double scaling, double dropout) {
    int r = a.master().rows();
    if (a.master().cols() != base.in()
        || b.master().rows() != base.out()
        || b.master().cols() != r) {
      throw new IllegalArgumentException(
          "%s %s and %s %s do not fit %d × %d"
              .formatted(a.name(), a.master(), b.name(), b.master(), base.out(), base.in()));
    }
    long salt = 0;
    for (char c : a.name().toCharArray()) {
      salt = salt * 0x100000001B3L + c;
    }
    return new LoraLinear(base, a, b, null, scaling, dropout, salt);
  }

  /// This layer with a bias of B.
  ///
  /// @param bias c (1, out)
  public LoraLinear withBias(Parameter bias) {
    return new LoraLinear(base, a, b, bias, scaling, dropout, salt);
  }

  private record Saved(Tensor s) implements Tape.Entry {}

  @Override
  public LoraLinear lora() {
    return this;
  }

  private boolean trains() {
    return a.lanes() > 0;
  }

  /// The layer that the adapter wraps; detaching puts it back.
  @Override
  public Linear base() {
    return base;
  }

  public Parameter a() {
    return a;
  }

  public Parameter b() {
    return b;
  }

  public double scaling() {
    return scaling;
  }

  /// The probability that an input of A is dropped while training.
  double dropout() {
    return dropout;
  }

  /// The seed of this layer's dropout masks in a step.
  long salt(Pass p) {
    return salt ^ p.dropout().seed();
  }

  /// Rows of A.
  public int rank() {
    return a.work().rows();
  }

  @Override
  public void forward(Tensor x, Tensor y, Pass p) {
    Workspace ws = p.ws();
    int rows = x.rows();
    int mark = ws.mark();
    Tensor s = ws.take(x.dtype(), rows, rank());
    int scratch = ws.mark();
    @Nullable Linear ready = base.ready(rows, Direction.FORWARD, p);
    if (ready == null) {
      base.forward(x, y, p);
    }
    for (int from = 0, to; from < rows; from = to) {
      to = tileEnd(from, rows);
      Tensor part = s.rows(from, to);
      Tensor out = y.rows(from, to);
      reduce(x, from, to, part, p);
      if (ready != null) {
        ready.forward(x.rows(from, to), out, p);
      }
      p.product(part, b.work(), out, true);
    }
    ws.release(scratch);
    finish(y, p);
    if (p.tape() != null && trains()) {
      p.tape().push(new Saved(s));
    } else {
      ws.release(mark);
    }
  }

  @Override
  public SkinnyProduct.@Nullable Weight few() {
    boolean finished = base instanceof AdaptedLinear under && under.finishes(); // before this one
    return finished ? null : base.few();
  }

  @Override
  public void updates(Tensor x, Pass p, List<LowRank> to) {
    base.updates(x, p, to);
    to.add(update(0, x.rows()));
  }

  /// What this layer adds to its base in some rows, without dropout.
  LowRank update(int from, int to) {
    return new LowRank(from, to, a.work(), scaling, b.work());
  }

  @Override
  public boolean finishes() {
    return c != null;
  }

  /// y += s·c.
  @Override
  public void finish(Tensor y, Pass p) {
    if (c != null) {
      int mark = p.ws().mark();
      Tensor scaled = p.ws().take(c.master().dtype(), 1, out());
      p.kernels().elementwise().copy(c.master(), scaled);
      p.kernels().elementwise().scale(scaled, scaling);
      p.kernels().elementwise().addBias(y, scaled);
      p.ws().release(mark);
    }
  }

  /// dc += s·Σ dy.
  private void biasGradient(Tensor dy, Pass p) {
    if (c != null) {
      int mark = p.ws().mark();
      Tensor sum = p.ws().take(c.master().dtype(), 1, out());
      p.kernels().elementwise().colSum(dy, sum, false);
      p.kernels().elementwise().scale(sum, scaling);
      p.kernels().elementwise().add(sum, c.gradient(p.ws().lane()));
      p.ws().release(mark);
    }
  }

  @Override
  public void again(Tensor x, Pass p) {
    if (!trains()) {
      base.again(x, p);
      return;
    }
    Workspace ws = p.ws();
    Tensor s = ws.take(x.dtype(), x.rows(), rank());
    for (int from = 0, to; from < x.rows(); from = to) {
      to = tileEnd(from, x.rows());
      reduce(x, from, to, s.rows(from, to), p);
    }
    base.again(x, p);
    p.taped().push(new Saved(s));
  }

  /// s = s·drop(x)·Aᵀ of a tile.
  private void reduce(Tensor x, int from, int to, Tensor s, Pass p) {
    int mark = p.ws().mark();
    p.product(dropped(x, from, to, p), a.work(), s, false);
    p.kernels().elementwise().scale(s, scaling);
    p.ws().release(mark);
  }

  /// The end of the tile that begins at `from`; none is smaller than [#TILE] unless all rows
  /// are.
  private static int tileEnd(int from, int rows) {
    return rows - from < 2 * TILE ? rows : from + TILE;
  }

  @Override
  public Gradients backward(Tensor dy, @Nullable Tensor dx, boolean add, Pass p) {
    if (!trains() && dx == null) {
      return base.backward(dy, null, add, p);
    }
    Tensor s = trains() ? p.taped().pop(Saved.class).s() : null;
    Workspace ws = p.ws();
    int rows = dy.rows();
    biasGradient(dy, p);
    Tensor dS = ws.take(dy.dtype(), rows, rank());
    int scratch = ws.mark();
    @Nullable Linear ready = dx == null ? null : base.ready(rows, Direction.BACKWARD, p);
    for (int from = 0, to; from < rows; from = to) {
      to = tileEnd(from, rows);
      Tensor part = dS.rows(from, to);
      Tensor dyPart = dy.rows(from, to);
      p.gemm().multiply(dyPart, Packed.plain(b.work()), part, false);
      p.kernels().elementwise().scale(part, scaling);
      if (s != null) {
        p.gemm().multiply(dyPart.transposed(), s.rows(from, to), b.gradient(ws.lane()), true);
      }
      if (ready != null && dx != null) {
        ready.backward(dyPart, dx.rows(from, to), add, p);
        through(part, dx, from, to, p);
      }
    }
    ws.release(scratch);
    Gradients under = ready == null ? base.backward(dy, dx, add, p) : Gradients.NONE;
    for (int from = 0, to; ready == null && dx != null && from < rows; from = to) {
      to = drops(p) ? tileEnd(from, rows) : rows;
      through(dS.rows(from, to), dx, from, to, p);
    }
    if (!trains()) {
      return under;
    }
    return x -> {
      under.add(x);
      gradient(x, dS, p);
    };
  }

  /// dA += dSᵀ·drop(x).
  private void gradient(Tensor x, Tensor dS, Pass p) {
    Workspace ws = p.ws();
    for (int from = 0, to; from < x.rows(); from = to) {
      to = tileEnd(from, x.rows());
      int mark = ws.mark();
      Tensor part = dropped(x, from, to, p);
      p.gemm().multiply(dS.rows(from, to).transposed(), part, a.gradient(ws.lane()), true);
      ws.release(mark);
    }
  }

  /// dx += drop′(dS·A) of the rows from … to, which dS has.
  private void through(Tensor dS, Tensor all, int from, int to, Pass p) {
    Tensor dx = all.rows(from, to);
    if (!drops(p)) {
      p.gemm().multiply(dS, Packed.plain(a.work()), dx, true);
      return;
    }
    Tensor keys = p.rows().keys().rows(from, to);
    Workspace ws = p.ws();
    int mark = ws.mark();
    Tensor through = ws.take(dx.dtype(), dx.rows(), dx.cols());
    p.gemm().multiply(dS, Packed.plain(a.work()), through, false);
    p.kernels().elementwise().dropout(through, dx, keys, salt(p), dropout, true);
    ws.release(mark);
  }

  private boolean drops(Pass p) {
    return dropout > 0 && p.dropout().active();
  }

  /// The rows from … to of x after dropout, or unchanged without dropout.
  private Tensor dropped(Tensor x, int from, int to, Pass p) {
    Tensor part = x.rows(from, to);
    if (!drops(p)) {
      return part;
    }
    Tensor dropped = p.ws().take(x.dtype(), to - from, x.cols());
    Tensor keys = p.rows().keys().rows(from, to);
    p.kernels().elementwise().dropout(part, dropped, keys, salt(p), dropout, false);
    return dropped;
  }

  @Override
  public HeadLoss.Beside beside(Pass p, int @Nullable [] rows) {
    Tensor keys = rows != null && drops(p) ? p.rows().keys(rows, p.ws()) : null;
    return new HeadUpdate(this, base.beside(p, rows), p, keys);
  }

  @Override
  public LoraLinear around(Linear other) {
    return new LoraLinear(base.around(other), a, b, c, scaling, dropout, salt);
  }

  @Override
  public boolean changes() {
    return base.changes();
  }

  /// The base's bias and s·c.
  @Override
  public @Nullable Tensor mergedBias(Scope scope) {
    Tensor below = base instanceof AdaptedLinear under ? under.mergedBias(scope) : null;
    if (c == null) {
      return below;
    }
    Tensor own = below == null ? base.bias() : below;
    Tensor sum = scope.tensor(c.master().dtype(), 1, out());
    for (int i = 0; i < out() && !scope.dry(); i++) {
      sum.set(0, i, (own == null ? 0 : own.get(0, i)) + scaling * c.master().get(0, i));
    }
    return sum;
  }

  /// Rows of W + s·B·A.
  @Override
  public Tensor merged(int from, int to, Workspace ws, Kernels kernels) {
    Tensor sum = AdaptedLinear.below(base, a.master().dtype(), from, to, ws, kernels);
    int mark = ws.mark();
    Tensor scaled = ws.take(b.master().dtype(), to - from, rank());
    kernels.elementwise().copy(b.master().rows(from, to), scaled);
    kernels.elementwise().scale(scaled, scaling);
    ws.gemm().multiply(scaled, a.master(), sum, true);
    ws.release(mark);
    return sum;
  }

  @Override
  public @Nullable Parameter trainedWeight() {
    return base.trainedWeight();
  }

  @Override
  public void parameters(Consumer<Parameter> each) {
    if (trains()) {
      each.accept(a);
      each.accept(b);
      if (c != null) {
        each.accept(c);
      }
    }
    base.parameters(each);
  }

  /// Adds the LoRA update of an output head to its logits, chunk by chunk, with gradients.
  ///
  /// S = s·x·Aᵀ is computed twice (forward and backward): rank/vocabulary of the head's work.
  ///
  /// @param below another update of the same head, computed first; null: none
  /// @param keys dropout keys of the rows; null: no dropout
  private record HeadUpdate(
      LoraLinear lora, HeadLoss.@Nullable Beside below, Pass p, @Nullable Tensor keys)
      implements HeadLoss.Beside {
    @Override
    public void forward(int from, int rows, Tensor h, Tensor z, Workspace ws) {
      if (below != null) {
        below.forward(from, rows, h, z, ws);
      }
      int mark = ws.mark();
      Tensor s = reduced(dropped(from, rows, h, ws), ws);
      ws.gemm().multiply(s, Packed.plain(lora.b().work().transposed()), z, true);
      ws.release(mark);
    }

    @Override
    public void backward(HeadLoss.Rows r, Workspace ws) {
      if (below != null) {
        below.backward(r, ws);
      }
      int mark = ws.mark();
      Tensor x = dropped(r.from(), r.rows(), r.h(), ws);
      Tensor s = reduced(x, ws);
      ws.gemm().multiply(r.dz().transposed(), s, lora.b().gradient(ws.lane()), true);
      Tensor dS = s; // S is not wanted any more
      ws.gemm().multiply(r.dz(), Packed.plain(lora.b().work()), dS, false);
      p.kernels().elementwise().scale(dS, lora.scaling());
      ws.gemm().multiply(dS.transposed(), x, lora.a().gradient(ws.lane()), true);
      if (!drops()) {
        ws.gemm().multiply(dS, Packed.plain(lora.a().work()), r.dh(), true);
      } else {
        Tensor through = ws.take(r.dh().dtype(), r.dh().rows(), r.dh().cols());
        ws.gemm().multiply(dS, Packed.plain(lora.a().work()), through, false);
        drop(through.rows(0, r.rows()), r.dh().rows(0, r.rows()), r.from(), true);
      }
      ws.release(mark);
    }

    private Tensor reduced(Tensor x, Workspace ws) {
      Tensor s = ws.take(x.dtype(), x.rows(), lora.rank());
      ws.gemm().multiply(x, Packed.plain(lora.a().work().transposed()), s, false);
      p.kernels().elementwise().scale(s, lora.scaling());
      return s;
    }

    private boolean drops() {
      return keys != null;
    }

    /// The first `rows` rows after dropout; padding rows stay.
    private Tensor dropped(int from, int rows, Tensor h, Workspace ws) {
      if (!drops()) {
        return h;
      }
      Tensor dropped = ws.take(h.dtype(), h.rows(), h.cols());
      p.kernels().elementwise().copy(h, dropped);
      drop(h.rows(0, rows), dropped.rows(0, rows), from, false);
      return dropped;
    }

    private void drop(Tensor x, Tensor y, int from, boolean add) {
      Tensor of = Objects.requireNonNull(keys).rows(from, from + x.rows());
      p.kernels().elementwise().dropout(x, y, of, lora.salt(p), lora.dropout(), add);
    }
  }
}
