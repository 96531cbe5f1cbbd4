package dev.nudge.adapter;

import dev.nudge.kernel.Kernels;
import dev.nudge.nn.Linear;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Pass;
import dev.nudge.nn.Tape;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Adds a low-rank update to any linear layer: y = base(x) + s·drop(x)·Aᵀ·Bᵀ.
///
/// The small factor comes first, so neither B·A nor a gradient of the base's weight is ever formed.
/// Saved for the backward pass is S = s·drop(x)·Aᵀ (rows, r) only; x is a buffer that holds the
/// same bytes again, and the dropout mask is computed again from its counter.
///
///     dS = s·dy·B        dB += dyᵀ·S        dA += dSᵀ·drop(x)        dx += drop′(dS·A)
///
/// The work is 6·rows·r·(in + out) in all. Sums go straight into the caller's buffers.
public final class LoraLinear implements Linear {
  private final Linear base;
  private final Parameter a;
  private final Parameter b;
  private final double scaling;
  private final double dropout;
  private final long salt;

  private LoraLinear(
      Linear base, Parameter a, Parameter b, double scaling, double dropout, long salt) {
    this.base = base;
    this.a = a;
    this.b = b;
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
          a.name()
              + " "
              + a.master()
              + " and "
              + b.name()
              + " "
              + b.master()
              + " do not fit "
              + base.out()
              + " × "
              + base.in());
    }
    long salt = 0;
    for (char c : a.name().toCharArray()) {
      salt = salt * 0x100000001B3L + c;
    }
    return new LoraLinear(base, a, b, scaling, dropout, salt);
  }

  private record Saved(Tensor x, Tensor s) implements Tape.Entry {}

  /// What is wrapped; detaching puts it back.
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

  @Override
  public int in() {
    return base.in();
  }

  @Override
  public int out() {
    return base.out();
  }

  private int rank() {
    return a.work().rows();
  }

  @Override
  public void forward(Tensor x, Tensor y, Pass p) {
    int mark = p.ws().mark();
    Tensor s = reduced(x, p);
    base.forward(x, y, p);
    p.gemm().multiply(s, b.work().transposed(), y, true);
    if (p.tape() != null) {
      p.tape().push(new Saved(x, s));
    } else {
      p.ws().release(mark);
    }
  }

  @Override
  public void again(Tensor x, Pass p) {
    Tensor s = reduced(x, p);
    base.again(x, p);
    p.taped().push(new Saved(x, s));
  }

  /// S = s·drop(x)·Aᵀ.
  private Tensor reduced(Tensor x, Pass p) {
    Workspace ws = p.ws();
    Tensor s = ws.take(x.dtype(), x.rows(), rank());
    int mark = ws.mark();
    p.gemm().multiply(dropped(x, p), a.work().transposed(), s, false);
    p.kernels().elementwise().scale(s, scaling);
    ws.release(mark);
    return s;
  }

  @Override
  public void backward(Tensor dy, @Nullable Tensor dx, boolean add, Pass p) {
    Saved saved = p.taped().pop(Saved.class);
    Workspace ws = p.ws();
    int mark = ws.mark();
    Tensor dS = ws.take(dy.dtype(), dy.rows(), rank());
    p.gemm().multiply(dy, b.work(), dS, false);
    p.kernels().elementwise().scale(dS, scaling);
    p.gemm().multiply(dy.transposed(), saved.s(), b.gradient(ws.lane()), true);
    int scratch = ws.mark();
    p.gemm().multiply(dS.transposed(), dropped(saved.x(), p), a.gradient(ws.lane()), true);
    ws.release(scratch);
    base.backward(dy, dx, add, p); // not earlier: dx may be where x is
    if (dx != null && drops(p)) {
      Tensor through = ws.take(dx.dtype(), dx.rows(), dx.cols());
      p.gemm().multiply(dS, a.work(), through, false);
      p.kernels()
          .elementwise()
          .dropout(through, dx, p.rows().keys(), salt ^ p.dropout().seed(), dropout, true);
    } else if (dx != null) {
      p.gemm().multiply(dS, a.work(), dx, true);
    }
    ws.release(mark);
  }

  private boolean drops(Pass p) {
    return dropout > 0 && p.dropout().active();
  }

  /// x with the step's mask, or x itself where nothing is dropped.
  private Tensor dropped(Tensor x, Pass p) {
    if (!drops(p)) {
      return x;
    }
    Tensor dropped = p.ws().take(x.dtype(), x.rows(), x.cols());
    p.kernels()
        .elementwise()
        .dropout(x, dropped, p.rows().keys(), salt ^ p.dropout().seed(), dropout, false);
    return dropped;
  }

  /// The base's weight, without the update.
  @Override
  public Tensor weight(Workspace ws, Kernels kernels) {
    return base.weight(ws, kernels);
  }

  @Override
  public Linear withWeight(Tensor weight) {
    return new LoraLinear(base.withWeight(weight), a, b, scaling, dropout, salt);
  }

  @Override
  public void parameters(Consumer<Parameter> each) {
    each.accept(a);
    each.accept(b);
    base.parameters(each);
  }
}
