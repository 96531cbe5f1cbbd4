package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.F;
import static dev.nudge.kernel.simd.Species.LANES;
import static dev.nudge.kernel.simd.Species.LE;
import static dev.nudge.kernel.simd.Species.padded;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.nudge.kernel.RmsNorm;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/// Normalises in two sweeps over a row: one sums the squares, one scales.
///
/// The backward pass does not compute ŝ: with k = rstd³·Σ(dy·w·s) / d the gradient is rstd·dy·w −
/// k·s. Sums are float within a strip and double across strips.
record VectorRmsNorm(RmsNorm under) implements RmsNorm {
  @Override
  public void forward(
      Tensor x,
      @Nullable Tensor delta,
      @Nullable Tensor sum,
      Tensor w,
      Tensor y,
      Tensor rstd,
      double eps,
      double offset) {
    if (x.dtype() == Dtype.F64) {
      under.forward(x, delta, sum, w, y, rstd, eps, offset);
      return;
    }
    RmsNorm.checkForward(x, delta, sum, w, y, rstd);
    Scratch scratch = Scratch.get();
    float plus = (float) offset;
    int d = x.cols();
    Tensor s = sum == null ? x : sum;
    boolean single = single(scratch, w, plus);
    for (int r = 0; r < x.rows(); r++) {
      double squares = 0;
      for (int c = 0, n; c < d; c += n) {
        n = Strip.piece(d - c);
        Strip a = scratch.a;
        if (delta != null && sum != null) {
          residual(scratch, x, delta, sum, r, c, n);
        } else {
          a.load(s, r, c, n);
        }
        squares += squares(a.segment(), a.at(), padded(n));
      }
      float rho = (float) (1 / Math.sqrt(squares / d + eps));
      rstd.data().set(JAVA_FLOAT_UNALIGNED, Strip.offset(rstd, r, 0), rho);
      normalise(scratch, s, rho, w, plus, y, r, single);
    }
  }

  @Override
  public void again(Tensor s, Tensor rstd, Tensor w, Tensor y, double offset) {
    if (s.dtype() == Dtype.F64) {
      under.again(s, rstd, w, y, offset);
      return;
    }
    RmsNorm.checkForward(s, null, null, w, y, rstd);
    Scratch scratch = Scratch.get();
    float plus = (float) offset;
    boolean single = single(scratch, w, plus);
    for (int r = 0; r < s.rows(); r++) {
      if (single) {
        scratch.a.load(s, r, 0, s.cols());
      }
      normalise(scratch, s, at(rstd, r), w, plus, y, r, single);
    }
  }

  @Override
  public void backward(
      Tensor dy,
      Tensor s,
      Tensor rstd,
      Tensor w,
      Tensor dRes,
      @Nullable Tensor low,
      @Nullable Tensor y,
      double offset) {
    if (s.dtype() == Dtype.F64) {
      under.backward(dy, s, rstd, w, dRes, low, y, offset);
      return;
    }
    RmsNorm.checkBackward(dy, s, rstd, w, dRes, low, y);
    Scratch scratch = Scratch.get();
    Strip g = scratch.a;
    Strip k = scratch.b;
    Strip x = scratch.c;
    Strip out = scratch.d;
    float plus = (float) offset;
    int d = s.cols();
    boolean single = single(scratch, w, plus);
    for (int r = 0; r < s.rows(); r++) {
      double dot = 0;
      for (int c = 0, n; c < d; c += n) {
        n = Strip.piece(d - c);
        g.load(dy, r, c, n);
        x.load(s, r, c, n);
        if (!single) {
          weight(k, w, c, n, plus);
        }
        dot += dot(g.segment(), g.at(), k.segment(), k.at(), x.segment(), x.at(), padded(n));
      }
      float rho = at(rstd, r);
      float minus = (float) (-dot / d * rho * rho * rho);
      for (int c = 0, n; c < d; c += n) {
        n = Strip.piece(d - c);
        if (!single) {
          g.load(dy, r, c, n);
          x.load(s, r, c, n);
          weight(k, w, c, n, plus);
        }
        if (low != null && y != null && Bf16Sweeps.take(s, n)) {
          Bf16Sweeps.norm(
              g.segment(),
              g.at(),
              k.segment(),
              x.segment(),
              dRes.data(),
              Strip.offset(dRes, r, c),
              low.data(),
              Strip.offset(low, r, c),
              y.data(),
              Strip.offset(y, r, c),
              n,
              rho,
              minus);
          continue;
        }
        out.load(dRes, r, c, n);
        gradient(g, k, x, out, padded(n), rho, minus);
        out.store(dRes, r, c, n);
        if (low != null) {
          out.store(low, r, c, n);
        }
        if (y != null) {
          normed(x, rho, k, scratch.e, y, r, c, n);
        }
      }
    }
  }

  @Override
  public void weightGradient(Tensor dy, Tensor s, Tensor rstd, Tensor dw) {
    if (s.dtype() == Dtype.F64) {
      under.weightGradient(dy, s, rstd, dw);
      return;
    }
    RmsNorm.checkWeight(dy, s, rstd, dw);
    Scratch scratch = Scratch.get();
    Strip g = scratch.a;
    Strip x = scratch.b;
    Strip product = scratch.c;
    MemorySegment sum = scratch.row(8L * Strip.BLOCK);
    int d = s.cols();
    for (int c = 0, n; c < d; c += n) {
      n = Strip.piece(d - c);
      Sums.clear(sum, padded(n));
      g.load(dw, 0, c, n);
      Sums.accumulate(g.segment(), g.at(), sum, padded(n));
      for (int r = 0; r < s.rows(); r++) {
        g.load(dy, r, c, n);
        x.load(s, r, c, n);
        product.scratch();
        scale(x, g, product, padded(n), at(rstd, r));
        Sums.accumulate(product.segment(), product.at(), sum, padded(n));
      }
      g.open(dw, 0, c, n);
      Sums.floats(sum, g.segment(), g.at(), padded(n));
      g.store(dw, 0, c, n);
    }
  }

  private static float at(Tensor column, int row) {
    return column.data().get(JAVA_FLOAT_UNALIGNED, Strip.offset(column, row, 0));
  }

  /// sum ← x + delta, rounded; the first strip then holds sum.
  private static void residual(
      Scratch scratch, Tensor x, Tensor delta, Tensor sum, int r, int c, int n) {
    if (Bf16Sweeps.take(x, n)) {
      scratch.a.scratch();
      Bf16Sweeps.residual(
          x.data(),
          Strip.offset(x, r, c),
          delta.data(),
          Strip.offset(delta, r, c),
          sum.data(),
          Strip.offset(sum, r, c),
          scratch.a.segment(),
          n);
      return;
    }
    Strip a = scratch.d;
    Strip b = scratch.e;
    Strip out = scratch.f;
    a.load(x, r, c, n);
    b.load(delta, r, c, n);
    out.open(sum, r, c, n);
    add(a.segment(), a.at(), b.segment(), b.at(), out.segment(), out.at(), padded(n));
    out.store(sum, r, c, n);
    scratch.a.load(sum, r, c, n);
  }

  /// Returns whether a row is one strip; then loads the weight once for all rows.
  private static boolean single(Scratch scratch, Tensor w, float plus) {
    int d = w.cols();
    boolean single = Strip.piece(d) == d;
    if (single) {
      weight(scratch.b, w, 0, d, plus);
    }
    return single;
  }

  /// Presents a piece of the weight, the offset added.
  private static void weight(Strip k, Tensor w, int c, int n, float plus) {
    k.load(w, 0, c, n);
    if (plus != 0) {
      MemorySegment stored = k.segment();
      long at = k.at();
      k.scratch();
      plus(stored, at, k.segment(), padded(n), plus);
    }
  }

  private static void plus(MemorySegment x, long at, MemorySegment to, int n, float plus) {
    for (int i = 0; i < n; i += LANES) {
      FloatVector v = FloatVector.fromMemorySegment(F, x, at + 4L * i, LE);
      v.add(plus).intoMemorySegment(to, 4L * i, LE);
    }
  }

  /// @param loaded whether the strips hold the row and the weight already
  private static void normalise(
      Scratch scratch, Tensor s, float rho, Tensor w, float plus, Tensor y, int r, boolean loaded) {
    Strip a = scratch.a;
    Strip k = scratch.b;
    Strip out = scratch.c;
    int d = s.cols();
    for (int c = 0, n; c < d; c += n) {
      n = Strip.piece(d - c);
      if (!loaded) {
        a.load(s, r, c, n);
        weight(k, w, c, n, plus);
      }
      normed(a, rho, k, out, y, r, c, n);
    }
  }

  /// y ← a·rho·k, a piece of a row.
  private static void normed(
      Strip a, float rho, Strip k, Strip out, Tensor y, int r, int c, int n) {
    if (Bf16Sweeps.take(y, n)) {
      Bf16Sweeps.normed(a.segment(), k.segment(), y.data(), Strip.offset(y, r, c), n, rho);
      return;
    }
    out.open(y, r, c, n);
    scale(a, k, out, padded(n), rho);
    out.store(y, r, c, n);
  }

  private static void add(
      MemorySegment x, long xAt, MemorySegment y, long yAt, MemorySegment to, long toAt, int n) {
    for (int i = 0; i < n; i += LANES) {
      FloatVector a = FloatVector.fromMemorySegment(F, x, xAt + 4L * i, LE);
      FloatVector b = FloatVector.fromMemorySegment(F, y, yAt + 4L * i, LE);
      a.add(b).intoMemorySegment(to, toAt + 4L * i, LE);
    }
  }

  private static float squares(MemorySegment x, long at, int n) {
    FloatVector even = FloatVector.zero(F);
    FloatVector odd = FloatVector.zero(F);
    int i = 0;
    for (; i <= n - 2 * LANES; i += 2 * LANES) {
      FloatVector a = FloatVector.fromMemorySegment(F, x, at + 4L * i, LE);
      FloatVector b = FloatVector.fromMemorySegment(F, x, at + 4L * (i + LANES), LE);
      even = a.fma(a, even);
      odd = b.fma(b, odd);
    }
    for (; i < n; i += LANES) {
      FloatVector a = FloatVector.fromMemorySegment(F, x, at + 4L * i, LE);
      even = a.fma(a, even);
    }
    FloatVector sum = even.add(odd);
    if (LANES > 8) {
      sum = sum.add(sum.rearrange(Species.BY_8));
    }
    if (LANES > 4) {
      sum = sum.add(sum.rearrange(Species.BY_4));
    }
    sum = sum.add(sum.rearrange(Species.BY_2));
    return sum.add(sum.rearrange(Species.BY_1)).lane(0);
  }

  private static void scale(Strip s, Strip w, Strip y, int n, float rho) {
    MemorySegment ss = s.segment();
    long sAt = s.at();
    MemorySegment ws = w.segment();
    long wAt = w.at();
    MemorySegment ys = y.segment();
    long yAt = y.at();
    for (int i = 0; i < n; i += LANES) {
      FloatVector a = FloatVector.fromMemorySegment(F, ss, sAt + 4L * i, LE);
      FloatVector k = FloatVector.fromMemorySegment(F, ws, wAt + 4L * i, LE);
      a.mul(rho).mul(k).intoMemorySegment(ys, yAt + 4L * i, LE);
    }
  }

  private static float dot(
      MemorySegment g, long gAt, MemorySegment w, long wAt, MemorySegment s, long sAt, int n) {
    FloatVector sum = FloatVector.zero(F);
    for (int i = 0; i < n; i += LANES) {
      FloatVector a = FloatVector.fromMemorySegment(F, g, gAt + 4L * i, LE);
      FloatVector k = FloatVector.fromMemorySegment(F, w, wAt + 4L * i, LE);
      sum = a.mul(k).fma(FloatVector.fromMemorySegment(F, s, sAt + 4L * i, LE), sum);
    }
    if (LANES > 8) {
      sum = sum.add(sum.rearrange(Species.BY_8));
    }
    if (LANES > 4) {
      sum = sum.add(sum.rearrange(Species.BY_4));
    }
    sum = sum.add(sum.rearrange(Species.BY_2));
    return sum.add(sum.rearrange(Species.BY_1)).lane(0);
  }

  private static void gradient(
      Strip g, Strip w, Strip s, Strip out, int n, float rho, float minus) {
    MemorySegment gs = g.segment();
    long gAt = g.at();
    MemorySegment ws = w.segment();
    long wAt = w.at();
    MemorySegment ss = s.segment();
    long sAt = s.at();
    MemorySegment outs = out.segment();
    long outAt = out.at();
    FloatVector scale = FloatVector.broadcast(F, rho);
    FloatVector k = FloatVector.broadcast(F, minus);
    for (int i = 0; i < n; i += LANES) {
      FloatVector a = FloatVector.fromMemorySegment(F, gs, gAt + 4L * i, LE);
      FloatVector b = FloatVector.fromMemorySegment(F, ws, wAt + 4L * i, LE);
      FloatVector x = FloatVector.fromMemorySegment(F, ss, sAt + 4L * i, LE);
      FloatVector old = FloatVector.fromMemorySegment(F, outs, outAt + 4L * i, LE);
      a.mul(b).fma(scale, x.mul(k)).add(old).intoMemorySegment(outs, outAt + 4L * i, LE);
    }
  }
}
